#!/bin/sh
# Install torch 2.13.0 without NVIDIA libraries on a machine without an NVIDIA GPU.
#
# usage: TORCH_INDEX=<index with CPU builds> install_torch.sh <python of the virtual environment>
#
# macOS, Linux on ARM and machines with an NVIDIA driver get the ordinary build. Linux on x86-64
# without one gets "+cpu": from the configured package index if it has that build, else from
# TORCH_INDEX. If neither has it, only the ordinary build is left. It installs about 5 GB of NVIDIA
# libraries, so it is used only if FUMEHOOD_ANY_TORCH=1.
set -u
python=$1
version=2.13.0
# The Makefile compiles the files of all packages together.
install() { "$python" -m pip install --disable-pip-version-check --no-compile "$@"; }

if "$python" -c "import torch" 2>/dev/null; then exit 0; fi
if [ "$(uname -s)-$(uname -m)" != "Linux-x86_64" ] || command -v nvidia-smi >/dev/null 2>&1; then
    install "torch==$version"
    exit
fi
install "torch==$version+cpu" 2>/dev/null && exit 0
echo "The configured package index has no CPU build of torch $version; trying $TORCH_INDEX"
install --retries 1 "torch==$version+cpu" --extra-index-url "$TORCH_INDEX" && exit 0
if [ "${FUMEHOOD_ANY_TORCH:-}" = "1" ]; then
    install "torch==$version"
    exit
fi
cat >&2 <<END
No CPU build of torch $version was found. Either name an index that has one:
    make TORCH_INDEX=<index> demo
or accept the ordinary build with its NVIDIA libraries (about 5 GB):
    FUMEHOOD_ANY_TORCH=1 make demo
END
exit 1
