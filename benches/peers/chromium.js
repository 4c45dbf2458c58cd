/**
 * Chromium and a session of its DevTools protocol, used only to navigate. Playwright's own page object would
 * observe every request, which costs as much as the load itself.
 */

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Launches Chromium; returns the browser and a session of its DevTools protocol. */
export async function launch() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  return { browser, protocol: await browser.newBrowserCDPSession() };
}
