// want: EXECUTION_FAILED
() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; }
