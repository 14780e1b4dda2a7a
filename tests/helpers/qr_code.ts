/** Reads a QR code as the camera of a phone does: from the pixels of what a page shows. */
import type { Locator } from "playwright-core";

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly base64: string;
}

/** The text of the QR code that an element shows; `undefined` if it shows none. */
export async function readQrCode(shown: Locator): Promise<string | undefined> {
  const picture = (await shown.screenshot({ scale: "css" })).toBase64();
  // The browser itself takes the picture apart, on a page without a policy.
  const blank = await shown.page().context().newPage();
  const pixels = await blank.evaluate(
    `(async () => {
      const answer = await fetch("data:image/png;base64,${picture}");
      const image = await createImageBitmap(await answer.blob());
      const { width, height } = image;
      const canvas = new OffscreenCanvas(width, height).getContext("2d");
      canvas.drawImage(image, 0, 0);
      const { data } = canvas.getImageData(0, 0, width, height);
      return { width, height, base64: new Uint8Array(data.buffer).toBase64() };
    })()`,
  ) as Pixels;
  await blank.close();
  const { default: jsQR } = await import("jsqr");
  const { width, height, base64 } = pixels;
  const data = new Uint8ClampedArray(Uint8Array.fromBase64(base64));
  return jsQR.default(data, width, height)?.data;
}
