// Serves HTTP at a port. Asked for /wedge it answers nobody any more, and asked for /crash it dies.
import { createServer } from "node:http"

let wedged = false

createServer((request, response) => {
  if (request.url === "/crash") process.exit(70)
  if (request.url === "/wedge") wedged = true
  if (!wedged) response.end(`life ${process.pid}\n`)
}).listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"))
