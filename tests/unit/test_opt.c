/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_opt.c - the command lines libxl writes
 */
#include "abi/plan.h"
#include "supervisor/conf.h"
#include "tap.h"

static struct conf c;
static char text[8192];
static char *words[200];

/* Parses a command line given as words separated by blanks. */
static enum conf_result parse(const char *line)
{
	int n = 0;

	snprintf(text, sizeof(text), "cloister %s", line);
	for (char *w = strtok(text, " "); w && n < 200; w = strtok(NULL, " "))
		words[n++] = w;
	return conf_parse(&c, n, words);
}

static void refused(const char *line, enum conf_result want, const char *naming)
{
	enum conf_result rc = parse(line);

	ok(rc == want && strstr(c.why, naming), "status %d, naming %s", want,
	   naming ? naming : "");
	if (rc != want || !strstr(c.why, naming))
		printf("# status %d: %s\n", rc, rc ? c.why : "");
}

static bool has_note(const char *part)
{
	for (unsigned int i = 0; i < c.note_count; i++)
		if (c.note[i] && strstr(c.note[i], part))
			return true;
	return false;
}

#define QMP(n) "-xen-domid " n " -no-shutdown "					\
	"-chardev socket,id=libxl-cmd,path=/var/run/xen/qmp-libxl-" n		\
	",server=on,wait=off -mon chardev=libxl-cmd,mode=control "		\
	"-chardev socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat-" n	\
	",server=on,wait=off -mon chardev=libxenstat-cmd,mode=control "		\
	"-nodefaults -no-user-config "

/* A typical guest: qcow2 disk, empty CD, e1000, VNC with password, tablet. */
#define TYPICAL(format)								\
	QMP("7") "-name web1 -vnc 0.0.0.0:0,password=on,to=99 -display none "	\
	"-serial pty -device VGA,vgamem_mb=16 -boot order=dc -usb "		\
	"-usbdevice tablet -smp 2,maxcpus=4 "					\
	"-device e1000,id=nic0,netdev=net0,mac=00:16:3e:11:22:33 "		\
	"-netdev type=tap,id=net0,ifname=vif7.0-emu,br=xenbr0,script=no,downscript=no " \
	"-machine xenfv,suppress-vmdesc=on -m 2032 "				\
	"-drive file=/img/web1.img,if=ide,index=0,media=disk,format=" format	\
	",cache=writeback -drive if=none,readonly=on,id=ide-5632 "		\
	"-device ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"

static void test_typical(void)
{
	refused(TYPICAL("qcow2"), CONF_REFUSED, "-drive format=qcow2");
	ok(parse(TYPICAL("raw")) == CONF_OK, "the same with a raw disk is served");
	ok(c.domid == 7 && c.have_domid && c.pci_platform && !c.hold && !c.probe,
	   "domain and machine");
	is_str(c.name, "web1", "name");
	ok(c.ram_mib == 2032 && c.vcpus == 2 && c.max_vcpus == 4, "memory and vCPUs");
	ok(c.have_vga && c.vga_mib == 16 && !c.is_cirrus, "display");
	ok(c.have_vnc && c.vnc.password && c.vnc.to == 99, "VNC");
	is_str(c.boot, "dc", "boot order");
	ok(c.chardev_count == 2 && c.chardev[0].fd == -1 && c.chardev[1].is_mon,
	   "both QMP sockets");
	is_str(c.chardev[0].path, "/var/run/xen/qmp-libxl-7", "with their paths");
	ok(c.serial_count == 1 && c.serial[0].kind == SERIAL_PTY, "serial port");
	is_str(c.drive[0].path, "/img/web1.img", "disk");
	ok(c.drive[2].is_cdrom && !c.drive[2].path, "empty CD-ROM at hdc");
	is_str(c.nic[0].ifname, "vif7.0-emu", "tap");
	ok(c.nic[0].model && !strcmp(c.nic[0].model->name, "e1000") &&
	   c.nic[0].mac[0] == 0 && c.nic[0].mac[5] == 0x33, "network card");
	is_str(c.nic[0].romfile, "efi-e1000.rom", "and its boot ROM");
	is_str(c.nic[0].id, "nic0", "and its name");
	ok(has_note("tablet") && has_note("CD-ROM"),
	   "what is not served is said");
}

/* Cards in any order, with what libxl does not write. */
static void test_nics(void)
{
	ok(parse(QMP("3") "-machine xenfv -m 256 "
		 "-netdev type=tap,id=b,ifname=tb -netdev type=tap,id=a,ifname=ta "
		 "-device rtl8139,netdev=a,romfile= "
		 "-device e1000,netdev=b,romfile=/roms/x.rom "
		 "-netdev type=tap,id=c,ifname=tc") == CONF_OK, "three taps, two cards");
	ok(c.nic_count == 3 && !strcmp(c.nic[0].model->name, "e1000") &&
	   !strcmp(c.nic[0].ifname, "tb") && !strcmp(c.nic[1].model->name, "rtl8139") &&
	   !strcmp(c.nic[1].ifname, "ta") && !c.nic[2].model, "each has its tap");
	ok(has_note("ifname=tc"), "one has no card, and that is said");
	is_str(c.nic[0].romfile, "/roms/x.rom", "a ROM of one's own");
	ok(!c.nic[1].romfile, "or none");
	ok(c.nic[0].mac[0] == 0x52 && memcmp(c.nic[0].mac, c.nic[1].mac, 6) != 0,
	   "addresses, if none are given, differ");
}

/* dm_restrict: inherited socket, block device and ISO, cirrus, two ports. */
#define RESTRICTED(sound)							\
	"-xen-domid 12 -no-shutdown "						\
	"-chardev socket,id=libxl-cmd,fd=19,server=on,wait=off -S "		\
	"-mon chardev=libxl-cmd,mode=control "					\
	"-chardev socket,id=libxenstat-cmd,path=/var/run/xen/qmp-libxenstat-12,server=on,wait=off " \
	"-mon chardev=libxenstat-cmd,mode=control -nodefaults -no-user-config "	\
	"-name db -vnc 127.0.0.1:0,to=99 -display none -k de -serial pty "	\
	"-serial file:/var/log/db-com2.log -device cirrus-vga,vgamem_mb=8 "	\
	"-boot order=cda " sound						\
	"-device rtl8139,id=nic0,netdev=net0,mac=00:16:3e:5a:00:01 "		\
	"-netdev type=tap,id=net0,ifname=vif12.0-emu,br=xenbr0,script=no,downscript=no " \
	"-xen-domid-restrict -chroot /var/run/xen/qemu-root-12 "		\
	"-machine xenfv,suppress-vmdesc=on -m 1016 "				\
	"-drive file=/dev/vg0/db,if=ide,index=0,media=disk,format=raw,cache=writeback " \
	"-drive if=none,readonly=on,id=ide-5632,file=/iso/netinst.iso,format=raw " \
	"-device ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0 "		\
	"-runas 131084:131072"

static void test_restricted(void)
{
	refused(RESTRICTED("-device intel-hda -device hda-duplex "), CONF_REFUSED,
		"-device intel-hda");
	ok(parse(RESTRICTED("")) == CONF_OK, "the same without sound is served");
	ok(c.hold && c.chardev[0].fd == 19 && !c.chardev[0].path, "inherited socket");
	ok(c.is_cirrus && c.vga_mib == 8 && has_note("cirrus"), "cirrus with a line");
	ok(c.serial_count == 2 && c.serial[1].kind == SERIAL_FILE, "two ports");
	is_str(c.serial[1].path, "/var/log/db-com2.log", "one to a file");
	ok(c.max_vcpus == 1 && c.vcpus == 1, "no -smp is one vCPU");
	ok(has_note("k=de") && has_note("stays closed"), "keymap and ISO are told");
	ok(c.drive[2].is_cdrom && c.drive[0].path && !c.drive[0].is_cdrom, "drives");
}

static void test_incoming(void)
{
	refused(QMP("31") "-name app--incoming -vnc none -display none "
		"-device lsi53c895a -serial pty -boot order=c -smp 8,maxcpus=8 "
		"-net none -incoming fd:22 -d unimp -machine "
		"pc,accel=xen,suppress-vmdesc=on,max-ram-below-4g=3221225472 "
		"-m 8192 -device ahci,id=ahci0", CONF_REFUSED, "-device lsi53c895a");
	ok(parse(QMP("31") "-vnc none -net none -incoming fd:22 -d unimp "
		 "-machine xenfv -m 64") == CONF_OK && c.incoming &&
	   c.incoming_fd == 22 && !c.incoming_path, "a save file, inherited");
	ok(parse(QMP("31") "-vnc none -net none -incoming file:/a/b "
		 "-machine xenfv -m 64") == CONF_OK && c.incoming &&
	   c.incoming_path && !strcmp(c.incoming_path, "/a/b"), "or by name");
	refused(QMP("31") "-incoming fd:1 -machine xenfv -m 64", CONF_REFUSED,
		"-incoming fd:1");
	refused(QMP("31") "-incoming tcp:0:444 -machine xenfv -m 64", CONF_REFUSED,
		"-incoming tcp:0:444");
	refused(QMP("31") "-incoming fd:22 -incoming fd:22 -machine xenfv -m 64",
		CONF_REFUSED, "-incoming fd:22");
	refused(QMP("31") "-machine pc,accel=xen -m 8192 -device ahci,id=ahci0",
		CONF_REFUSED, "-device ahci");
	ok(parse(QMP("31") "-vnc none -d unimp -machine "
		 "pc,accel=xen,suppress-vmdesc=on,max-ram-below-4g=3221225472 "
		 "-m 8192") == CONF_OK && !c.pci_platform && !c.have_vnc &&
	   !c.have_vga && c.max_low_bytes == 3221225472u, "its machine alone is served");
}

#define BASE "-xen-domid 3 -machine xenfv -m 128 "

static void test_refusals(void)
{
	static const char *const lines[][2] = {
		{ "-device qxl-vga,vram_size_mb=64", "-device qxl-vga" },
		{ "-spice port=5930", "-spice" },
		{ "-display sdl", "-display sdl" },
		{ "-kernel /boot/vmlinuz", "-kernel /boot/vmlinuz" },
		{ "-device piix3-usb-uhci,id=usb", "-device piix3-usb-uhci" },
		{ "-usb", "-usb" },
		{ "-usbdevice host:1", "-usbdevice host:1" },
		{ "-device xen-pvdevice,device-id=0xc000", "-device xen-pvdevice" },
		{ "-chardev pty,id=libxl-channel0", "-chardev pty" },
		{ "-chardev socket,id=libxl-channel0,path=/c,server=on,wait=off",
		  "libxl-channel0" },
		{ "-serial tcp:localhost:4444", "-serial tcp:localhost:4444" },
		{ "-serial pty -serial pty -serial pty -serial pty -serial pty",
		  "-serial pty" },
		{ "-drive file=/a,if=ide,index=0,format=raw "
		  "-drive file=/b,if=ide,index=0,format=raw", "index=0" },
		{ "-drive file=/a,if=ide,index=4,format=raw", "index=4" },
		{ "-drive file=/a,if=ide,format=raw", "/a" },
		{ "-drive file=/a,if=scsi,index=0", "if=scsi" },
		{ "-drive driver=quorum,id=x", "driver=quorum" },
		{ "-device ide-cd,id=x,drive=x,bus=ide.2,unit=0", "bus=ide.2" },
		{ "-device ide-cd,id=x,drive=none,bus=ide.1,unit=0", "ide-cd" },
		{ "-device e1000,netdev=net9", "netdev=net9" },
		{ "-device ne2k_pci,id=nic0,netdev=n,mac=00:16:3e:00:00:01 "
		  "-netdev type=tap,id=n,ifname=t",
		  "-device ne2k_pci: no such network card; there are rtl8139, e1000" },
		{ "-device rtl8139,netdev=n,mac=00:16:3e:00:00 "
		  "-netdev type=tap,id=n,ifname=t", "mac=00:16:3e:00:00" },
		{ "-device rtl8139,netdev=n,mac=01:16:3e:00:00:01 "
		  "-netdev type=tap,id=n,ifname=t", "mac=01:16:3e:00:00:01" },
		{ "-device rtl8139,id=nic0", "-device rtl8139: wants netdev=" },
		{ "-device rtl8139,netdev=n,bootindex=1", "bootindex=1" },
		{ "-device rtl8139,netdev=n -device e1000,netdev=n "
		  "-netdev type=tap,id=n,ifname=t", "netdev=n is taken" },
		{ "-netdev user,id=n", "-netdev user" },
		{ "-netdev type=tap,id=n,ifname=an-interface-name-too-long,script=no",
		  "ifname=an-interface" },
		{ "-smp 8,maxcpus=4", "-smp 8,maxcpus=4" },
		{ "-smp 129", "-smp 129" },
		{ "-smp 2,sockets=2", "sockets=2" },
		{ "-machine xenfv,igd-passthru=on", "igd-passthru=on" },
		{ "-machine q35", "q35" },
		{ "-boot order=x", "order=x" },
		{ "-m 0", "-m 0" },
		{ "-m lots", "-m lots" },
		{ "-vnc nowhere", "-vnc nowhere" },
		{ "-device VGA,vgamem_mb=24", "vgamem_mb" },
		{ "-device VGA -device cirrus-vga", "cirrus-vga" },
		{ "-xen-domid 4", "-xen-domid 4" },
		{ "-cloister shadow=maybe", "shadow=maybe" },
		{ "-cloister stats=maybe", "stats=maybe" },
		{ "-cloister metrics=relative/path", "metrics=relative" },
		{ "-cloister crash-dir=relative/path", "crash-dir=relative" },
		{ "-cloister metrics-interval=0", "metrics-interval=0" },
		{ "-cloister metrics-interval=3601", "metrics-interval=3601" },
		{ "-cloister restart-limit=5", "-cloister 5: N/SECONDS" },
		{ "-cloister restart-limit=0/60", "0/60" },
		{ "-cloister restart-limit=101/60", "101/60" },
		{ "-cloister restart-limit=5/0", "5/0" },
		{ "-cloister restart-limit=5/86401", "5/86401" },
		{ "-cloister restart-limit=5/60s", "5/60s" },
		{ "-cloister restart-limit=/60", "/60" },
		{ "-cloister restart-limit=00000000000000000005/60", "0005/60" },
		{ "-mon chardev=nobody,mode=control", "nobody" },
	};
	char line[600];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		/* gcc loses track of the table under its sanitizers */
		if (!lines[i][1])
			continue;
		snprintf(line, sizeof(line), BASE "%s", lines[i][0]);
		refused(line, CONF_REFUSED, lines[i][1]);
	}
	refused("-xen-domid 0 -machine xenfv -m 1", CONF_REFUSED, "-xen-domid 0");
	refused("-xen-domid 99999 -machine xenfv -m 1", CONF_REFUSED, "99999");
	refused(BASE "-frobnicate", CONF_USAGE, "-frobnicate");
	refused(BASE "-serial", CONF_USAGE, "-serial wants");
	refused("-machine xenfv -m 128", CONF_USAGE, "-xen-domid");
	refused("", CONF_USAGE, "-xen-domid");
}

static void test_details(void)
{
	ok(parse(BASE "-cloister shadow=off,poll=off,log=debug") == CONF_OK &&
	   c.plan_flags == (PLAN_NO_SHADOW | PLAN_NO_POLL) &&
	   c.log_level == LOG_L_DEBUG, "our own settings");
	ok(parse(BASE) == CONF_OK && !c.no_stats && !c.metrics_file &&
	   c.metrics_interval_s == CONF_INTERVAL_S, "by default: counted, no file");
	ok(parse(BASE) == CONF_OK && c.restarts == 5 && c.restart_window_s == 60 &&
	   parse(BASE "-cloister restart-limit=100/86400,poll=off") == CONF_OK &&
	   c.restarts == 100 && c.restart_window_s == 86400 &&
	   c.plan_flags == PLAN_NO_POLL, "how often who may die");
	ok(parse(BASE) == CONF_OK && c.one_cpu == CONF_ONE_CPU_AUTO &&
	   parse(BASE "-cloister one-cpu=on") == CONF_OK &&
	   c.one_cpu == CONF_ONE_CPU_ON &&
	   parse(BASE "-cloister one-cpu=on,one-cpu=auto,poll=off") == CONF_OK &&
	   c.one_cpu == CONF_ONE_CPU_AUTO && c.plan_flags == PLAN_NO_POLL &&
	   parse(BASE "-cloister one-cpu=off") == CONF_OK &&
	   c.one_cpu == CONF_ONE_CPU_OFF, "where requests are served");
	refused(BASE "-cloister one-cpu=2", CONF_REFUSED, "one-cpu");
	ok(parse(BASE "-cloister stats=off,metrics=/a,,b,metrics-interval=60") ==
	   CONF_OK && c.no_stats && strcmp(c.metrics_file, "/a,b") == 0 &&
	   c.metrics_interval_s == 60, "counting and the file");
	ok(parse(BASE "-cloister crash-dir=/a,,b") == CONF_OK &&
	   strcmp(c.crash_dir, "/a,b") == 0 &&
	   parse(BASE "-cloister crash-dir=off") == CONF_OK && !c.crash_dir &&
	   parse(BASE) == CONF_OK && c.crash_dir, "crash reports: there, nowhere, or where they go");
	ok(parse(BASE "-cloister metrics=on -cloister metrics=off") == CONF_OK &&
	   !c.metrics_file, "the last one counts");
	ok(parse(BASE "-drive file=/a,,b,if=ide,index=1,format=raw,readonly=on") ==
	   CONF_OK && c.drive[1].read_only, "a doubled comma");
	is_str(c.drive[1].path, "/a,b", "is one comma");
	ok(parse(BASE "-chardev socket,id=q,path=/q,server,nowait -mon "
		 "chardev=q,mode=control") == CONF_OK, "short forms of 4.15");
	ok(parse("-S -no-user-config -nodefaults -nographic -machine none,accel=xen "
		 "-chardev socket,id=libxl-cmd,fd=9,server=on,wait=off "
		 "-mon chardev=libxl-cmd,mode=control") == CONF_OK && c.probe,
	   "the probe of 4.20 needs no domain");
	ok(parse("--help -nonsense") == CONF_OK && c.help, "--help wins");
	ok(parse(BASE "-run-with chroot=/x -run-with user=1:2") == CONF_OK,
	   "spelling of 4.20");
	ok(parse(BASE "-serial none -serial null") == CONF_OK && c.serial_count == 2 &&
	   c.serial[0].kind == SERIAL_ABSENT && c.serial[1].kind == SERIAL_NULL,
	   "an absent port keeps its number");
}

#define W(s) ((char *)(uintptr_t)(s))

/* Nothing on a command line is too long, too much or too strange. */
static void test_abuse(void)
{
	static char big[70000];
	char *argv[60] = { W("cloister"), W("-xen-domid"), W("3") };
	int n = 3;

	memset(big, 'a', sizeof(big) - 1);
	argv[n++] = W("-name");
	argv[n++] = big;
	ok(conf_parse(&c, n, argv) == CONF_REFUSED, "a name of 70 kB is refused");
	argv[3] = W("-drive");
	memcpy(big, "file=", 5);
	ok(conf_parse(&c, n, argv) == CONF_REFUSED, "so is such a path");
	n = 3;
	big[8000] = '\0';
	for (int i = 0; i < 8; i++) {
		argv[n++] = W("-serial");
		argv[n++] = big;
	}
	memcpy(big, "file:", 5);
	ok(conf_parse(&c, n, argv) == CONF_REFUSED, "and too many of them");
	ok(strlen(c.why) < 400, "the line stays short");
}

int main(void)
{
	test_typical();
	test_nics();
	test_restricted();
	test_incoming();
	test_refusals();
	test_details();
	test_abuse();
	return tap_done();
}
