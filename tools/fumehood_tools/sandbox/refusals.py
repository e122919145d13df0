"""Names that a variant may not import, call, read or define, each with what to do instead."""


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


def _each(names: str, cure: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), cure)


ALLOWED_IMPORTS = frozenset(
    _words(
        "__future__ abc bisect collections contextlib copy core dataclasses dictionary_learning",
        "einops enum functools heapq itertools jaxtyping logging math numbers numpy operator",
        "random re statistics string textwrap time torch types typing typing_extensions warnings",
    )
)

NO_FILES = "keep state in parameters and register_buffer; the sandbox passes in all other data"
NO_SYSTEM = "leave it out: seeds, threads and devices are set by the sandbox"
NO_NETWORK = "leave it out: there is no network in a sandbox"
NO_MAGIC = "write it out in plain Python"
NO_PATCH = "subclass it in this file and use your subclass: shared code must not change"
NO_TENSOR_TRICK = "return plain torch tensors: only the numbers in them reach the evaluator"
OUTSIDE = "leave it out: the evaluator trains and scores, in its own processes"

REFUSED_IMPORTS = {
    **_each("os sys platform resource signal posix nt sysconfig site fcntl pty tty", NO_SYSTEM),
    **_each("subprocess multiprocessing threading concurrent sched select", NO_SYSTEM),
    **_each("_thread _posixsubprocess _posixshmem selectors atexit psutil", NO_SYSTEM),
    **_each("io pathlib shutil tempfile glob fileinput mmap sqlite3 dbm codecs", NO_FILES),
    **_each("zipfile tarfile gzip bz2 lzma zipimport pkgutil linecache", NO_FILES),
    **_each("pickle marshal shelve joblib dill cloudpickle copyreg", NO_FILES),
    **_each("socket http urllib requests httpx ssl asyncio ftplib smtplib", NO_NETWORK),
    **_each("socketserver xmlrpc webbrowser aiohttp urllib3 _socket telnetlib", NO_NETWORK),
    **_each("ctypes _ctypes cffi importlib builtins gc inspect runpy code dis", NO_MAGIC),
    **_each("traceback tracemalloc faulthandler weakref pdb bdb trace", NO_MAGIC),
    **_each("unittest pytest", NO_PATCH),
    **_each("fumehood fumehood_tools sae_bench sae_lens transformer_lens fumehood_child", OUTSIDE),
    "safetensors": "leave it out: weights are saved by the sandbox",
    "custom_saes": "from core import BaseSAE, BaseTrainer",
    "variants": "copy what you need into this file: a variant is one file",
}

REFUSED_CALLS = {
    "open": NO_FILES,
    "eval": NO_MAGIC,
    "exec": NO_MAGIC,
    "compile": NO_MAGIC,
    "globals": NO_MAGIC,
    "__builtins__": NO_MAGIC,
    "__loader__": NO_MAGIC,
    "__import__": "use an import statement at the top of the file",
    "input": "leave it out: nobody can answer",
    "breakpoint": "leave it out: nobody can answer",
    "exit": "raise an error that says what is wrong",
    "quit": "raise an error that says what is wrong",
}

_NUMPY_FILES = "load save savez savez_compressed savetxt loadtxt fromfile memmap genfromtxt"
_TORCH_FILES = "load save hub from_file package serialization jit.load jit.save export.load"
_TORCH_SYSTEM = "multiprocessing distributed set_num_threads set_num_interop_threads"
_TORCH_MAGIC = "ops classes library _C overrides _dynamo utils.cpp_extension utils._python_dispatch"
_GLOBAL_HOOKS = _words(
    "register_module_forward_hook register_module_forward_pre_hook",
    "register_module_full_backward_hook register_module_backward_hook",
    "register_module_parameter_registration_hook register_module_buffer_registration_hook",
)
# Dotted names. Everything below one of them is refused too.
REFUSED_NAMES = {
    **{f"torch.{name}": NO_FILES for name in _TORCH_FILES.split()},
    **{f"torch.{name}": NO_SYSTEM for name in _TORCH_SYSTEM.split()},
    **{f"torch.{name}": NO_MAGIC for name in _TORCH_MAGIC.split()},
    **{f"torch.nn.modules.module.{name}": NO_PATCH for name in _GLOBAL_HOOKS},
    **{f"numpy.{name}": NO_FILES for name in _NUMPY_FILES.split()},
    "numpy.DataSource": NO_FILES,
    "numpy.lib.format": NO_FILES,
    "numpy.lib.npyio": NO_FILES,
    "numpy.ctypeslib": NO_MAGIC,
    "numpy.f2py": NO_MAGIC,
    "logging.FileHandler": NO_FILES,
    "logging.handlers": NO_FILES,
    "logging.config": NO_FILES,
    "types.CodeType": NO_MAGIC,
    "types.FunctionType": NO_MAGIC,
    "time.sleep": "leave it out: the time of a variant is limited",
    "core.train": OUTSIDE,
    "core.check": OUTSIDE,
    "core.watch": OUTSIDE,
    "core.stubs": OUTSIDE,
}

# Attributes that are refused on every object.
REFUSED_ATTRIBUTES = {
    **_each("__subclasses__ __globals__ __builtins__ __code__ __closure__ __loader__", NO_MAGIC),
    **_each("__reduce__ __reduce_ex__ __self__ __getattribute__ __import__", NO_MAGIC),
    **_each("f_back f_locals f_globals f_builtins f_code tb_frame tb_next gi_frame", NO_MAGIC),
    **_each("cr_frame ag_frame __traceback__ __kwdefaults__ data_ptr", NO_MAGIC),
    **_each("share_memory_ tofile from_file _new_shared untyped_storage", NO_FILES),
    **_each("_make_subclass _make_wrapper_subclass", NO_TENSOR_TRICK),
}

# Methods that the classes in a variant may not define.
REFUSED_METHODS = {
    **_each("__torch_function__ __torch_dispatch__ __array_function__", NO_TENSOR_TRICK),
    **_each("__array_ufunc__ __array__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__", NO_TENSOR_TRICK),
    **_each("__bool__ __float__ __int__ __index__ __dlpack__", NO_TENSOR_TRICK),
    **_each("__reduce__ __reduce_ex__ __getstate__ __setstate__ __del__", NO_MAGIC),
    **_each("__instancecheck__ __subclasscheck__ __getattribute__ __set_name__", NO_MAGIC),
}
TENSOR_CLASSES = frozenset(["torch.Tensor", "torch.nn.Parameter", "torch.nn.Buffer"])
# Dunder names that getattr may look up.
HARMLESS_DUNDERS = frozenset(
    ["__name__", "__qualname__", "__doc__", "__class__", "__len__", "__dataclass_fields__"]
)
