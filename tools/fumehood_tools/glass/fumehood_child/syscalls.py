"""System-call numbers for the filter: (x86_64, aarch64), None if the architecture lacks the call.

From Linux' asm/unistd_64.h and asm-generic/unistd.h.
"""

NETWORK = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
}
PROCESSES = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "unshare": (272, 97),
    "setns": (308, 268),
}
OTHER_PROCESSES = {
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "process_mrelease": (448, 448),
}
KERNEL = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "fsconfig": (431, 431),
    "fspick": (433, 433),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "personality": (135, 92),
}
# Calls whose effects outlive the process or are visible to others, without a file in scratch.
LEFT_BEHIND = {
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "flock": (73, 32),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
}
# Landlock does not cover these: they could change attributes of files outside of scratch.
ATTRIBUTES = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "truncate": (76, 45),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "file_setattr": (469, 469),
}
# Cached pages and names outlive a process, so they could carry messages to a later child. These
# calls show which pages of a shared file are cached (mincore, RWF_NOWAIT, cachestat, splice from a
# page that is not read yet), which names are (RESOLVE_CACHED of openat2), or how many page faults
# occurred (getrusage); or they load pages, pin them or drop them.
RESIDENCY = {
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "preadv2": (327, 286),
    "pwritev2": (328, 287),
    "readahead": (187, 213),
    "fadvise64": (221, 223),
    "io_setup": (206, 0),
    "io_destroy": (207, 1),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    "sendfile": (40, 71),
    "copy_file_range": (326, 285),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "sync_file_range": (277, 84),
    "remap_file_pages": (216, 234),
    "openat2": (437, 437),
    "lookup_dcookie": (212, 18),
    "getrusage": (98, 165),
    # On machines with several memory nodes, a page of a file can be moved to another node, where it
    # stays, and asking for a node tells whether a page is on it.
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
}
# Children of one or of several nurseries run side by side: one is scored while another is trained.
# These calls tell what another process does at this moment: how much room its files take on the
# shared disk, which of its threads exist, which capabilities it has dropped, whether it waits at a
# place of a file that both have mapped (futexes), and how many processes or signals its user has
# (a limit that a child lowers until it is reached).
SIDE_BY_SIDE = {
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "ustat": (136, None),
    "capget": (125, 90),
    "get_robust_list": (274, 100),
    "ioprio_get": (252, 31),
    "getpriority": (140, 141),
    "futex_waitv": (449, 449),
    "futex_wake": (454, 454),
    "futex_wait": (455, 455),
    "futex_requeue": (456, 456),
    "setrlimit": (160, 164),
}
# Allowed with CUDA only: a GPU driver locks memory and asks how much the machine has. Pipes are
# numbered by one counter per core, for all processes of the machine, and it never goes back.
DRIVERS = {
    "pipe": (22, None),
    "pipe2": (293, 59),
    "mlock": (149, 228),
    "mlock2": (325, 284),
    "munlock": (150, 229),
    "mlockall": (151, 230),
    "munlockall": (152, 231),
    "sysinfo": (99, 179),
}
REFUSED = {
    **NETWORK,
    **PROCESSES,
    **OTHER_PROCESSES,
    **KERNEL,
    **LEFT_BEHIND,
    **ATTRIBUTES,
    **RESIDENCY,
    **SIDE_BY_SIDE,
}

# Calls that Linux got after 5.1 have the same number everywhere. Only those in NEWER_ALLOWED can be
# used: what the kernel learns later is refused until somebody has looked at it.
NEWER_FROM = 424
NEWER_ALLOWED = {
    "close_range": 436,
    "faccessat2": 439,
    "epoll_pwait2": 441,
    "map_shadow_stack": 453,
    "mseal": 462,
}
CLONE, CLONE3 = (56, 220), (435, 435)
MMAP = (9, 222)
FCNTL, PRCTL, IOCTL = (72, 25), (157, 167), (16, 29)
MADVISE, GET_MEMPOLICY = (28, 233), (239, 236)
FUTEX, PRLIMIT = (202, 98), (302, 261)
# Allowed if their first argument is this process (or 0).
OWN_ONLY = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "sched_setaffinity": (203, 122),
    "sched_getaffinity": (204, 123),
    "sched_getscheduler": (145, 120),
    "sched_getparam": (143, 121),
    "sched_getattr": (315, 275),
    "sched_rr_get_interval": (148, 127),
    "getpgid": (121, 155),
    "getsid": (124, 156),
}
# Their first argument is a clock. A negative one is the processor time of any process, by its
# number, or a device.
CLOCKS = {
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "timer_create": (222, 107),
}
