"""Trains a Llama on batches that another program wrote, and prints a line of JSON for each step.

train.py FOLDER THREADS: FOLDER holds weights.safetensors and batches.json.
"""
import json
import struct
import sys
import time

import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data, dtype=torch.float32, offset=one["data_offsets"][0],
                               count=(one["data_offsets"][1] - one["data_offsets"][0]) // 4)
        .reshape(one["shape"]).clone().requires_grad_()
        for name, one in header.items()
    }


# The peak of getrusage is the parent's where that was larger.
def peak_memory():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


class Llama:
    def __init__(self, weights, config):
        self.weights, self.config = weights, config
        width = config["head_dim"]
        steps = torch.arange(config["max_position_embeddings"], dtype=torch.float32)
        angles = torch.outer(
            steps, config["rope_theta"] ** (-torch.arange(0, width, 2, dtype=torch.float32) / width))
        self.cos, self.sin = angles.cos(), angles.sin()

    def norm(self, x, name):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.config["rms_norm_eps"]) * self.weights[name]

    def turn(self, x, cos, sin):
        first, second = x.chunk(2, -1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)

    # Sequences lie one after the other without padding, as the other program has them.
    def loss(self, batch):
        config, weights = self.config, self.weights
        heads, groups, width = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
        rows = torch.cat([torch.arange(length) for length in batch["lengths"]])
        cos, sin = self.cos[rows].unsqueeze(1), self.sin[rows].unsqueeze(1)
        masks = {length: torch.full((length, length), float("-inf")).triu(1) for length in set(batch["lengths"])}
        x = F.embedding(batch["ids"], weights["model.embed_tokens.weight"])
        for layer in range(config["num_hidden_layers"]):
            at = f"model.layers.{layer}."
            y = self.norm(x, at + "input_layernorm.weight")
            query, key, value = (
                F.linear(y, weights[f"{at}self_attn.{part}_proj.weight"]).view(len(rows), -1, width) for part in "qkv")
            query, key = self.turn(query, cos, sin), self.turn(key, cos, sin)
            parts = []
            for q, k, v in zip(*(one.split(batch["lengths"]) for one in (query, key, value))):
                k, v = (one.repeat_interleave(heads // groups, 1).transpose(0, 1) for one in (k, v))
                scores = torch.baddbmm(masks[len(q)], q.transpose(0, 1), k.transpose(1, 2), alpha=width ** -0.5)
                parts.append(scores.softmax(-1).bmm(v).transpose(0, 1).reshape(len(q), heads * width))
            x = x + F.linear(torch.cat(parts), weights[at + "self_attn.o_proj.weight"])
            y = self.norm(x, at + "post_attention_layernorm.weight")
            gate, up = (F.linear(y, weights[f"{at}mlp.{part}_proj.weight"]) for part in ("gate", "up"))
            x = x + F.linear(F.silu(gate) * up, weights[at + "mlp.down_proj.weight"])
        x = self.norm(x, "model.norm.weight")
        if len(batch["positions"]) != len(rows):
            x = x[batch["positions"]]
        return F.cross_entropy(F.linear(x, weights["model.embed_tokens.weight"]), batch["targets"])


def main(folder, threads):
    torch.set_num_threads(threads)
    with open(f"{folder}/batches.json", encoding="utf-8") as file:
        work = json.load(file)
    batches = [{name: value if name == "lengths" else torch.tensor(value) for name, value in batch.items()}
               for batch in work["batches"]]
    weights = read_safetensors(f"{folder}/weights.safetensors")
    model = Llama(weights, work["config"])
    settings = dict(lr=work["learning_rate"], weight_decay=work["weight_decay"])
    optimizer = torch.optim.AdamW(list(weights.values()), foreach=True, **settings)
    for batch in batches:
        started, used = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        loss = model.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), work["gradient_clip"])
        optimizer.step()
        print(json.dumps({"loss": loss.item(), "seconds": time.perf_counter() - started,
                          "processor": time.process_time() - used,
                          "peak": peak_memory()}), flush=True)


main(sys.argv[1], int(sys.argv[2]))
