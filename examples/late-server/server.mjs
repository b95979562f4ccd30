// A server with a slow start: it warms up, says a line, listens, and is not well at first.
import { createServer } from "node:http"

const port = Number(process.argv[2])
console.log("warming up")
setTimeout(() => {
  const wellAt = Date.now() + 200
  const server = createServer((_, response) => {
    response.statusCode = Date.now() < wellAt ? 503 : 200
    response.end("hello\n")
  })
  server.on("error", ({ code }) => {
    console.error(`cannot listen: ${code}`)
    process.exitCode = 1
  })
  server.listen(port, "127.0.0.1", () => console.log(`listening on ${port}`))
}, 300)
