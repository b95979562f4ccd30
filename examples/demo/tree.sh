#!/bin/sh
# A small process tree, such as a development server makes: this wrapper, an ordinary worker, a worker that ignores
# SIGTERM, and a launcher that starts a helper in a session of its own. Says who is who, then waits.
# $1 is the Node to run the launcher with.
say() { printf '%s %s\n' "$1" "$2"; }

say wrapper $$
sleep 1000 &
say worker $!
sh -c 'trap "" TERM; while :; do sleep 1; done' &
say stubborn $!
"$1" -e '
  const moved = require("node:child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" })
  console.log(`launcher ${process.pid}\nmoved ${moved.pid}\nready 0`)
  setInterval(() => {}, 1000)
' &
wait
