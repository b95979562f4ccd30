/**
 * What the guardian runs: one POSIX shell program that outlives its owner by a moment and takes the owner's trees along.
 *
 * It has to do with what every `/bin/sh` offers (dash, bash, busybox), and on Linux with builtins alone: at the time it
 * acts the machine may be full of processes that nobody controls any more. Arguments: how to read the process table
 * (`proc` or `ps`) and where `ps` is.
 *
 * - A group is addressed as `kill -STOP -123`: dash refuses `kill -STOP -- -123` and signals nobody.
 * - A zombie is no member, unless other threads of it live (see `procTable.ts`).
 * - Nobody is killed before everybody is known: a parent that is gone leaves children that cannot be attributed.
 */

/** The text of the program. */
export const program = `
# Standard input brings a line from time to time; its end of file means that the owner is dead, however it died.
# Descriptor 3 brings the changes, which nobody needs to read before that. A line "." on both asks to empty it.
#   +PID  a tree begins    ~PID  its leader was reaped    -PID  nothing is left of it
#   =PID:START  a member was seen    !PID:START  it is not there any more
trap '' HUP INT TERM QUIT TSTP TTIN TTOU PIPE
how=$1 ps=$2 running=' ' reaped=' ' seen=' '

forget() {
  case $running in *" $1 "*) running="\${running%%" $1 "*} \${running#*" $1 "}" ;; esac
  case $reaped in *" $1 "*) reaped="\${reaped%%" $1 "*} \${reaped#*" $1 "}" ;; esac
}

note() {
  word=\${1#?}
  case $1 in
    +*) running="$running$word " ;;
    '~'*) forget "$word"; reaped="$reaped$word " ;;
    -*) forget "$word" ;;
    =*) seen="$seen$word " ;;
    !*) case $seen in *" $word "*) seen="\${seen%%" $word "*} \${seen#*" $word "}" ;; esac ;;
  esac
}

while read -r line; do
  while read -r line <&3 && [ "$line" != . ]; do note "$line"; done
done
while read -r line <&3; do note "$line"; done
[ "$running$reaped$seen" != '   ' ] || exit 0

# Both readers set table to one word pid:ppid:pgid:session:start for each living process.
read_proc() {
  table=' '
  for dir in /proc/[0-9]*; do
    stat=
    # The name of a command may hold a newline, so all lines are read; the fields follow its last parenthesis.
    while IFS= read -r part || [ -n "$part" ]; do stat="$stat$part "; done < "$dir/stat"
    set -- \${stat##*) }
    [ $# -ge 20 ] || continue
    case $1 in [ZXx]) [ "\${18}" -gt 1 ] || continue ;; esac
    table="$table\${dir#/proc/}:$2:$3:$4:\${20} "
  done
}

read_ps() {
  table=' '
  set -- $("$ps" -axo pid=,ppid=,pgid=,stat=,lstart=)
  while [ $# -ge 9 ]; do
    case $4 in *l* | [!Z]*) table="$table$1:$2:$3:0:\${5}_\${6}_\${7}_\${8}_$9 " ;; esac
    shift 9
  done
}

# Whoever has the number of a leader that was reaped is a stranger, and so are its group and session.
find_trusted() {
  trusted=$running
  for leader in $reaped; do
    case $table in *" $leader:"*) ;; *) trusted="$trusted$leader " ;; esac
  done
}

find_members() {
  members=$known grown=1
  while [ $grown = 1 ]; do
    grown=0
    for row in $table; do
      pid=\${row%%:*} row=\${row#*:}
      case $members in *" $pid "*) continue ;; esac
      [ "$pid" -gt 1 ] && [ "$pid" != $$ ] || continue
      parent=\${row%%:*} row=\${row#*:}
      group=\${row%%:*} row=\${row#*:}
      case $trusted in *" $group "* | *" \${row%%:*} "*) ;; *)
        case $members in *" $parent "*) ;; *)
          case $seen in *" $pid:\${row#*:} "*) ;; *) continue ;; esac
        esac
      esac
      members="$members$pid " grown=1
    done
  done
}

# Without a table the groups of leaders that were not reaped are still certain.
signal_groups() { for leader in $running; do kill "-$1" "-$leader"; done; }

# Sends a signal until a look shows nobody who did not get it.
sweep() {
  sent=' ' tries=0
  while [ $tries -lt 100 ]; do
    tries=$((tries + 1)) fresh=
    "read_$how"
    [ "$table" != ' ' ] || { signal_groups "$1"; return; }
    find_trusted
    find_members
    known=$members
    for pid in $members; do
      case $sent in *" $pid "*) ;; *) case $table in *" $pid:"*) fresh="$fresh$pid " ;; esac ;; esac
    done
    [ -n "$fresh" ] || return
    for leader in $trusted; do kill "-$1" "-$leader"; done
    kill "-$1" $fresh
    sent="$sent$fresh"
  done
}

# A shell that may start no process for ps ends there.
trap 'signal_groups KILL' EXIT
known=' '
sweep STOP
sweep KILL
trap - EXIT
`
