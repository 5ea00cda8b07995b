// want: EXECUTION_TIMEOUT
for (;;); export default () => 1;
