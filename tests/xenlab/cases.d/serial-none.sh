# SPDX-License-Identifier: GPL-2.0-or-later
# case: no serial port: a screen and a power button are all there is
# options: --expect '' --guest-append xen_emul_unplug=never
# cfg: serial="none"
. lab-case

port=$(xenstore-read "/local/domain/$DOMID/console/vnc-port")
if xenstore-exists "/local/domain/$DOMID/serial/0/tty"; then
	false
fi
# The button does nothing until user space listens.
for _ in $(seq 40); do
	vnctool "127.0.0.1:$port" shot /out/screen.ppm || true
	xl trigger "$DOMID" power || true
	if gone 8; then
		break
	fi
done
gone 1
lit /out/screen.ppm
clean
