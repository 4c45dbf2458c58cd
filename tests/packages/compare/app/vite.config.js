/** Vite's settings for the compared application: its packages are outside of its folder. */
export default {
  cacheDir: '.vite',
  server: { fs: { strict: false } },
};
