/**
 * Chromium, and its protocol: it says where a tab is to go and nothing else. A page of Playwright's own hears of every
 * request, which costs as much as loading does.
 */

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Starts it; gives it and a session of its protocol. */
export async function launch() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  return { browser, protocol: await browser.newBrowserCDPSession() };
}
