// How many of the screen's own pixels make one of the page's: that changes with the browser's zoom and from screen to screen.

/** Calls `listener` at each change, of which the size of an element says nothing. Returns the function that stops it. */
export function onDensityChange(listener: () => void): () => void {
  const listeners = new AbortController();
  const watch = (): void => {
    const isStill = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const onChange = (): void => {
      watch();
      listener();
    };
    isStill.addEventListener("change", onChange, { once: true, signal: listeners.signal });
  };
  watch();
  return () => listeners.abort();
}
