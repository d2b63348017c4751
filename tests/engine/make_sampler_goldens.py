#!/usr/bin/env python3
"""Writes sampler_goldens.txt: distributions that transformers' own logits processors make.

Run by hand with torch and transformers installed (written with transformers 5.23, torch on the CPU):

    python3 tests/engine/make_sampler_goldens.py > tests/engine/sampling/sampler_goldens.txt

Frequency and presence penalties are not in transformers: they are applied here by OpenAI's published
formula, between the repetition penalty and the minimum length. Every other order is transformers'
own (GenerationMixin._get_logits_processor).
"""

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor
from transformers.generation.logits_process import SequenceBiasLogitsProcessor

VOCABULARY = 61

CASES = [
    dict(name="plain"),
    dict(name="temperature_low", temperature=0.35),
    dict(name="temperature_high", temperature=2.5),
    dict(name="top_k", top_k=7),
    dict(name="top_k_one", top_k=1),
    dict(name="top_k_of_equal_logits", top_k=5, rounded=True),
    dict(name="top_k_beyond_vocabulary", top_k=1000),
    dict(name="top_p", top_p=0.8),
    dict(name="top_p_small", top_p=0.05),
    dict(name="top_p_most", top_p=0.99, temperature=1.5),
    dict(name="min_p", min_p=0.1),
    dict(name="min_p_all", min_p=1.0),
    dict(name="typical_p", typical_p=0.6),
    dict(name="typical_p_small", typical_p=0.1),
    dict(name="typical_p_most", typical_p=0.95, temperature=0.7),
    dict(name="top_k_top_p", top_k=20, top_p=0.7, temperature=1.3),
    dict(name="top_p_min_p", top_p=0.9, min_p=0.08),
    dict(name="top_k_top_p_min_p_typical_p", top_k=30, top_p=0.95, min_p=0.02, typical_p=0.8,
         temperature=1.7),
    dict(name="repetition_penalty", repetition_penalty=1.4),
    dict(name="repetition_reward", repetition_penalty=0.7, temperature=0.8),
    dict(name="bias", bias=[(3, 4.5), (10, -100.0), (60, 2.25)]),
    dict(name="bias_then_repetition", bias=[(3, 4.5), (5, -2.0)], repetition_penalty=1.5),
    dict(name="suppressed", suppressed=[0, 2, 59]),
    dict(name="suppressed_top_p", suppressed=[4, 9], top_p=0.85, bias=[(4, 8.0)]),
    dict(name="frequency", frequency_penalty=0.6),
    dict(name="presence", presence_penalty=-1.1, top_k=9),
    dict(name="all_penalties", bias=[(7, 3.0)], repetition_penalty=1.2, frequency_penalty=0.5,
         presence_penalty=0.4, temperature=0.9, top_k=25, top_p=0.9),
    # A word's first tokens are given as places in the text counted from its end (negative), so that
    # some of them match it.
    dict(name="bad_word_of_one", bad_words=[[52], [40]]),
    dict(name="bad_word_completes", bad_words=[[-2, -1, 33]]),
    dict(name="bad_word_does_not_complete", bad_words=[[-3, -1, 33], [-1, 33, 34]]),
    dict(name="bad_words_over_the_seam", bad_words=[[-16, -15, -14, 3], list(range(-16, 0)) + [52]]),
    dict(name="bad_word_longer_than_the_text", bad_words=[[7] + list(range(-23, 0)) + [52], [1]]),
    dict(name="bad_word_is_end_of_sequence", bad_words=[[-1, 4], [9]], suppressed=[4, 8]),
    dict(name="allowed", allowed=[0, 3, 17, 60]),
    dict(name="allowed_one", allowed=[29], temperature=0.5),
    dict(name="allowed_and_bad", allowed=[1, 2, 3, 4, 40, 41], bad_words=[[-1, 4], [41]],
         repetition_penalty=1.3, bias=[(2, 1.5)], temperature=1.4, top_p=0.9),
]

model = LlamaForCausalLM(LlamaConfig(
    vocab_size=VOCABULARY, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
    num_attention_heads=1))


def processors(case, prompt_length, with_changes=True, with_warpers=True):
    options = dict(do_sample=with_warpers, top_k=0, num_beams=1)
    if with_warpers:
        for key in ("temperature", "top_k", "top_p", "min_p", "typical_p"):
            if key in case:
                options[key] = case[key]
    if with_changes:
        if "repetition_penalty" in case:
            options["repetition_penalty"] = case["repetition_penalty"]
        if "bias" in case:
            options["sequence_bias"] = {(i,): float(b) for i, b in case["bias"]}
    if "suppressed" in case and with_changes:
        options["min_new_tokens"] = 1000
        options["eos_token_id"] = case["suppressed"]
    if with_changes and "bad_words" in case:
        options["bad_words_ids"] = case["bad_words"]
    allowed = case.get("allowed") if with_changes else None
    config = GenerationConfig(**options)
    config._eos_token_tensor = (
        torch.tensor(case["suppressed"]) if "suppressed" in case else None)
    return model._get_logits_processor(
        config, input_ids_seq_length=prompt_length,
        prefix_allowed_tokens_fn=(lambda batch, ids: allowed) if allowed else None)


def main():
    generator = torch.Generator().manual_seed(20240731)
    print("# Written by make_sampler_goldens.py; do not edit.")
    for case in CASES:
        logits = torch.randn(1, VOCABULARY, generator=generator) * 2.5
        if case.get("rounded"):
            logits = torch.round(logits)
        prompt = torch.randint(0, VOCABULARY, (1, 9), generator=generator)
        generated = torch.randint(0, VOCABULARY // 3, (1, 14), generator=generator)
        ids = torch.cat([prompt, generated], dim=1)
        if "bad_words" in case:
            case["bad_words"] = [[int(ids[0, t]) if t < 0 else t for t in word]
                                 for word in case["bad_words"]]
        if "frequency_penalty" in case or "presence_penalty" in case:
            scores = logits.clone()
            if "bias" in case:
                bias = {(i,): float(b) for i, b in case["bias"]}
                scores = SequenceBiasLogitsProcessor(bias)(ids, scores)
            if "repetition_penalty" in case:
                scores = RepetitionPenaltyLogitsProcessor(case["repetition_penalty"])(ids, scores)
            counts = torch.bincount(generated[0], minlength=VOCABULARY)
            scores = scores - case.get("frequency_penalty", 0.0) * counts
            scores = scores - case.get("presence_penalty", 0.0) * (counts > 0)
            scores = processors(case, prompt.shape[1], with_changes=False)(ids, scores)
        else:
            scores = processors(case, prompt.shape[1])(ids, logits.clone())
        probabilities = torch.softmax(scores, dim=-1)[0]

        print("case", case["name"])
        for key in ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty",
                    "frequency_penalty", "presence_penalty"):
            if key in case:
                print(key, case[key])
        for token, bias in case.get("bias", []):
            print("bias", token, bias)
        for word in case.get("bad_words", []):
            print("bad_word", *word)
        if "allowed" in case:
            print("allowed", *case["allowed"])
        if "suppressed" in case:
            print("suppressed", *case["suppressed"])
        print("prompt", *prompt[0].tolist())
        print("generated", *generated[0].tolist())
        print("logits", *(f"{x:.9g}" for x in logits[0].tolist()))
        print("probabilities", *(f"{x:.9g}" for x in probabilities.tolist()))


if __name__ == "__main__":
    main()
