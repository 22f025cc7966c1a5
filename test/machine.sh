#!/bin/bash
# The first process of a machine that test/machines.mjs starts: makes a Debian of unpacked packages, runs the tests of
# containment in it as root and as an ordinary user, tells what it found on lines of its own, and switches itself off.
set -o pipefail
export PATH=/usr/sbin:/usr/bin TERM=dumb LANG=C.UTF-8
if [ "${1-}" != again ]; then
  # bwrap cannot pivot away from the initial root: mount it once more, and go there
  mkdir -p /mnt && mount --bind / /mnt && cd /mnt && mount --move . / && exec chroot . "$0" again
fi

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 devpts /dev/pts
for folder in /dev/shm /tmp; do mount -t tmpfs -o mode=1777 tmpfs "$folder"; done
for link in fd:/proc/self/fd stdin:fd/0 stdout:fd/1 stderr:fd/2 ptmx:pts/ptmx; do ln -sf "${link#*:}" "/dev/${link%%:*}"; done
ip link set lo up
insmod /usr/lib/modules/*/kernel/drivers/net/veth.ko

# what the packages' own scripts would have done
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
echo 'user:x:1000:1000::/home/user:/bin/bash' >>/etc/passwd
echo 'user:x:1000:' >>/etc/group
(umask 077 && echo 'root:*:19000:0:99999:7:::' >/etc/shadow)
echo '127.0.0.1 localhost' >/etc/hosts
: >/etc/resolv.conf
cat /usr/share/ca-certificates/mozilla/*.crt >/etc/ssl/certs/ca-certificates.crt
ln -s mawk /usr/bin/awk
mkdir -p /usr/local/bin /usr/local/sbin
ldconfig

# groups as systemd makes them: root's shell in a slice of root's, the user's in one that the user may divide
mount -t cgroup2 cgroup /sys/fs/cgroup
cd /sys/fs/cgroup || exit
mkdir -p system.slice/shell.scope user.slice/shell.scope
for slice in . system.slice user.slice; do echo '+memory +pids' >$slice/cgroup.subtree_control; done
chown user:user user.slice{,/shell.scope}{,/cgroup.procs,/cgroup.subtree_control,/cgroup.threads}

# NAME SLICE COMMAND…: the tests, started by COMMAND in a group of that slice
suite() {
  local name=$1 slice=$2
  shift 2
  (
    echo 0 >"/sys/fs/cgroup/$slice/shell.scope/cgroup.procs"
    cd /palyra || exit
    "$@" bash -c '
      node build.mjs
      echo "machine: $(node bin/palyra.js sandbox check --json)"
      failed=0
      while read -ra arguments; do
        node node_modules/vitest/vitest.mjs run "${arguments[@]}" </dev/null || failed=1
      done <tests
      exit $failed
    ' |& cat # no terminal: each line once
    echo "machine: {\"as\":\"$name\",\"exit\":$?,\"left\":\"$(cd /sys/fs/cgroup && find . -name 'palyra-*' | xargs)\"}"
  )
}
echo "machine: {\"kernel\":\"$(uname -r)\"}"
suite root system.slice env HOME=/root
mkdir /home/user
chown -R user:user /palyra /home/user
suite user user.slice setpriv --reuid user --regid user --clear-groups env HOME=/home/user
echo o >/proc/sysrq-trigger
sleep 60
