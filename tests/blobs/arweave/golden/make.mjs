// Writes vectors.json and wallet.json by the npm package `arweave` (1.15.7):
//   npm install arweave@1.15.7 && node make.mjs
// Run once; the tests read the files and need neither Node nor the package.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import Arweave from "arweave";

const KiB = 1024;
const CHUNK = 256 * KiB;
const SIZES = [
  1, KiB, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 31 * KiB, CHUNK + 32 * KiB, 2 * CHUNK,
  700 * 1000, 3 * KiB * KiB, 3 * CHUNK + 1, 5 * CHUNK + 32 * KiB - 1, 1_000_003,
];
const TAGS = [
  ["Content-Type", "application/pdf"],
  ["App-Name", "Engram"],
  ["App-Version", "0.1.0"],
  ["Content-CID", "sha256:" + "ab".repeat(32)],
];

// Bytes that any language makes: SHA-256 of "engram 0", "engram 1", ... in a row.
function bytes(size) {
  const parts = [];
  for (let i = 0; i * 32 < size; i += 1) {
    parts.push(createHash("sha256").update(`engram ${i}`).digest());
  }
  return new Uint8Array(Buffer.concat(parts).subarray(0, size));
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

const arweave = Arweave.init({ host: "127.0.0.1", port: 1, protocol: "http" });
if (!existsSync("wallet.json")) {
  writeFileSync("wallet.json", JSON.stringify(await arweave.wallets.generate()), { mode: 0o600 });
}
const wallet = JSON.parse(readFileSync("wallet.json", "utf8"));
const vectors = [];
for (const size of SIZES) {
  const data = bytes(size);
  const anchor = Buffer.from(bytes(48)).toString("base64url");
  const tx = await arweave.createTransaction({ data, last_tx: anchor, reward: String(size * 7) }, wallet);
  TAGS.forEach(([name, value]) => tx.addTag(name, value));
  await arweave.transactions.sign(tx, wallet);
  vectors.push({
    size,
    data_sha256: sha256(data),
    data_root: tx.data_root,
    chunks: tx.chunks.chunks.map((c, i) => ({
      start: c.minByteRange,
      end: c.maxByteRange,
      offset: tx.chunks.proofs[i].offset,
      path_sha256: sha256(tx.chunks.proofs[i].proof),
    })),
    signature_message: Buffer.from(await tx.getSignatureData()).toString("hex"),
    transaction: { ...tx.toJSON(), data: "" },
  });
}
const address = await arweave.wallets.jwkToAddress(wallet);
writeFileSync("vectors.json", JSON.stringify({ address, vectors }, null, 1) + "\n");
