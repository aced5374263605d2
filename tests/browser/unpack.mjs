// Unpacks the browser that the package brings, with the libraries for machines that have none, into node_modules/.chromium.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';

const wanted = `${import.meta.dirname}/node_modules/.chromium`;
const unfinished = `${wanted}.unfinished`;
if (!existsSync(wanted)) {
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  process.env.TMPDIR = unfinished;
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs24.x'; // only so does the package unpack the libraries too
  const { default: chromium } = await import('@sparticuz/chromium');
  await chromium.executablePath();
  renameSync(unfinished, wanted);
}
