// Prints the daemon's version. Usage: info.js ENDPOINT, with the token in PAGEWIRE_TOKEN.
import { Client, Metadata, credentials } from "@grpc/grpc-js";

const token = process.env.PAGEWIRE_TOKEN;
const client = new Client(process.argv[2], credentials.createInsecure());
const metadata = new Metadata();
if (token) metadata.set("authorization", `Bearer ${token}`);

// Messages as raw bytes, without generated code.
const bytes = (value) => value;
const method = "/pagewire.v1.ControlService/GetServerInfo";
const options = { deadline: Date.now() + 10_000 };
client.makeUnaryRequest(method, bytes, bytes, Buffer.alloc(0), metadata, options, (error, info) => {
  client.close();
  if (error) throw error;
  // Field 1, a short string: server_version.
  if (info[0] !== 0x0a) throw new Error(`unexpected response: ${info.toString("hex")}`);
  console.log(info.toString("utf8", 2, 2 + info[1]));
});
