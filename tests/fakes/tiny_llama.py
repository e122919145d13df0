"""A language model of kilobytes in a folder, and a text file for it."""

import json
import random
import warnings
from pathlib import Path
from typing import Any


def save_tiny_llama(folder: Path) -> Path:
    """Write a random llama of 3 layers, width 32, and a tokenizer of bytes; return the folder."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tokenizers import Tokenizer
        from tokenizers.models import BPE
        from tokenizers.pre_tokenizers import ByteLevel
        from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    tokens = ["<s>", *sorted(ByteLevel.alphabet())]
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    model: Any = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    return folder


def write_numbers(path: Path) -> Path:
    """Write 300 documents of 60 random numbers; return the path."""
    draw = random.Random(0)
    texts = [" ".join(str(draw.randrange(1000)) for _ in range(60)) for _ in range(300)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path
