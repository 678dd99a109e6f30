# A program for sh, up to the end of this comment of JavaScript. Node forgets before its first line of
# JavaScript which signals were ignored and blocked, raises the limit of open files, and opens files of its
# own; so these are noted here, and the environment, of which a shell itself changes some. Where nothing is
# forked it is the shell itself that reads. $0 may be a link: Node follows it.
set +efuvx
if [ -r /proc/self/environ ]; then
  while read -r lns_a lns_b; do
    case $lns_a in SigBlk:) lns_blocked=$lns_b ;; SigIgn:) lns_ignored=$lns_b && break ;; esac
  done </proc/self/status
  # bash and busybox ignore SIGQUIT themselves, but not what they execute.
  case $lns_ignored in *[4-7c-f]) lns_ignored=$(PATH=/usr/bin:/bin${PATH:+:$PATH} && exec sed -n 's/^SigIgn:.//p' /proc/self/status 2>/dev/null) ;; esac
  lns_files=
  for lns_a in /proc/self/fd/*; do # but for the directory itself, and what sh reads this from
    [ -h "$lns_a" ] || continue
    case $lns_a in /proc/self/fd/?) ;; *) [ "$lns_a" -ef "$0" ] && continue ;; esac
    lns_files=$lns_files,${lns_a#/proc/self/fd/}
  done
  { lns_a=$(exec 2>/dev/null; ulimit -n; export LC_ALL=C PATH=/usr/bin:/bin${PATH:+:$PATH} && exec base64); } </proc/self/environ
  [ ${#lns_a} -lt 120000 ] || lns_a=${lns_a%%[!0-9]*}
  [ "$lns_a" = "${lns_a%%[!0-9]*}" ] || unset NODE_EXTRA_CA_CERTS # Node reads that at each start: longer than all else takes
  export LINUX_NAMESPACES_INHERITED="$$ $lns_ignored $lns_blocked $lns_files $lns_a"
fi
exec node -- "$0" "$@"
