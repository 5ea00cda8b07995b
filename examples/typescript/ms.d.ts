// The package has no types of its own.
declare module "ms" {
  export default function ms(text: string): number | undefined;
}
