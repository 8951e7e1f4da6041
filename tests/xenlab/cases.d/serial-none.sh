# SPDX-License-Identifier: GPL-2.0-or-later
# case: no serial port; the guest is reached over VNC alone
# options: --expect '' --guest-append xen_emul_unplug=never
# cfg: serial="none"
. lab-case

port=$(xenstore-read "/local/domain/$DOMID/console/vnc-port")
if xenstore-exists "/local/domain/$DOMID/serial/0/tty"; then
	false
fi
for _ in $(seq 20); do
	vnctool "127.0.0.1:$port" type 'poweroff<Return>' || true
	if gone 10; then
		break
	fi
done
gone 1
clean
