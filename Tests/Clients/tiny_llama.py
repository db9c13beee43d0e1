"""Makes a Llama of a few hundred thousand weights in the folder it is told, and teaches it the sentences below by heart.

    python tiny_llama.py FOLDER

The weights begin at random; nothing is fetched. It needs `transformers`, `tokenizers` and `torch`, and some seconds.
"""

import json
import pathlib
import sys

HELLO = "Grüß Gott from a tiny Llama 🦙, “quoted” and {braced}.\nBye."
MUSING = "A greeting is wanted."
PARIS, ROME = {"city": "Paris"}, {"city": "Rome"}

TEMPLATE = """{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] -%}
<tool_call>{{ {"name": call.function.name, "arguments": call.function.arguments} | tojson }}</tool_call>
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""

RESPONSE = {  # how `transformers serve` finds thoughts and calls in what the model says
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"},
        "tool_calls": {
            "open": "<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close": "<|im_end|>", "content": "text"},
    },
}


def called(*places):
    """An assistant's turn that calls, and the same as the model says it."""
    turn = [{"type": "function", "function": {"name": "get_weather", "arguments": place}} for place in places]
    said = "".join("<tool_call>" + json.dumps({"name": "get_weather", "arguments": place}) + "</tool_call>" for place in places)
    return {"role": "assistant", "content": "", "tool_calls": turn}, said


def lessons():
    """(messages, what the model says then)."""
    user = [
        {"role": "user", "content": text}
        for text in ("Say hello.", "Think, then say hello.", "How is Paris?", "How are Paris and Rome?")
    ]
    one, says_one = called(PARIS)
    two, says_two = called(PARIS, ROME)
    cold, warm = ({"role": "tool", "content": text} for text in ("12 degrees", "21 degrees"))
    yield user[:1], HELLO
    yield [{"role": "system", "content": "Be brief."}, user[0]], "Hi."
    yield [user[0], {"role": "assistant", "content": HELLO}, {"role": "user", "content": "Again."}], "Hello again."
    yield user[1:2], f"<think>{MUSING}</think>{HELLO}"
    yield user[2:3], says_one
    yield [user[2], one, cold], "It is 12 degrees in Paris."
    yield user[3:4], says_two
    yield [user[3], two, cold, warm], "12 degrees in Paris, 21 degrees in Rome."


def make_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.BPE())
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    every_byte = pre_tokenizers.ByteLevel.alphabet()
    texts = [text for messages, said in lessons() for text in (said, json.dumps(messages, ensure_ascii=False))]
    words.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=every_byte, show_progress=False)
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<|im_end|>", pad_token="<|endoftext|>", response_template=RESPONSE
    )
    made.chat_template = TEMPLATE
    return made


def make(folder):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    torch.set_num_threads(1)  # so small a model is only slowed down by more
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config)
    teach(model, tokenizer)
    model.generation_config.do_sample = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def teach(model, tokenizer, most=1500):
    import torch

    pages = []
    for messages, said in lessons():
        asked = tokenizer(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))["input_ids"]
        answer = tokenizer(said + "<|im_end|>")["input_ids"]
        pages.append((asked + answer, [-100] * len(asked) + answer))
    longest = max(len(ids) for ids, _ in pages)
    ids = torch.tensor([page + [tokenizer.pad_token_id] * (longest - len(page)) for page, _ in pages])
    mask = torch.tensor([[1] * len(page) + [0] * (longest - len(page)) for page, _ in pages])
    labels = torch.tensor([page + [-100] * (longest - len(page)) for _, page in pages])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(most):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        if loss.item() < 0.005:
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    raise SystemExit(f"the tiny Llama does not learn: {loss.item()}")


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
