// What is on its way would be lost with the page: the browser asks first.

/** Has the browser ask until the function it returns is called. */
export function askBeforeUnload(): () => void {
  const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
  window.addEventListener("beforeunload", ask);
  return () => window.removeEventListener("beforeunload", ask);
}
