"""The memorizer: concat([C_t], d) -> logits of an instruction's fields -> their argmax.

S(nn, l, k, n) of the paper without the machine that runs what comes out (execution.py); nn is exchangeable.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from neurocomp.memorizer.config import NetworkConfig
from neurocomp.shapes import Bool, Float, Int, Tensor


class Bert(nn.Module):
    """A BERT encoder from the transformers library, not pretrained; logits are linear in its pooled first token, C_t.

    The last layer begins as PyTorch's layers do. With BERT's smaller first weights there (0.02), and dropout before it,
    two of five trainings on 16 programs never leave the loss of a guess.

    Inputs of different lengths go through the encoder in `parts`, the shortest first, so that few of them are padded to
    the longest. Outputs are those of one part, but for rounding and for which activations dropout draws.
    """

    def __init__(self, config: NetworkConfig, vocabulary: int, length: int, outputs: int, parts: int = 1):
        from transformers import BertConfig, BertModel

        super().__init__()
        self.parts = parts
        self.encoder = BertModel(
            BertConfig(
                vocab_size=vocabulary,
                max_position_embeddings=length,
                type_vocab_size=1,
                hidden_size=config.hidden,
                intermediate_size=config.intermediate,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                pad_token_id=None,
            )
        )
        self.head = nn.Linear(config.hidden, outputs)

    def forward(self, tokens: Int[Tensor, "N S"], mask: Bool[Tensor, "N S"] | None = None) -> Float[Tensor, "N O"]:
        if mask is None or self.parts == 1:
            return self.head(self.encoder(tokens, attention_mask=mask).pooler_output)
        lengths = mask.sum(-1)
        order = lengths.argsort(stable=True)
        # Looked up once for all parts, because the gradient of a look-up is as large as the vocabulary.
        words = self.encoder.get_input_embeddings()(tokens)
        pooled = []
        for rows in order.tensor_split(min(self.parts, len(order))):
            longest = int(lengths[rows[-1]])
            part = self.encoder(inputs_embeds=words[rows, :longest], attention_mask=mask[rows, :longest])
            pooled.append(part.pooler_output)
        return self.head(torch.cat(pooled)[order.argsort()])


def split(logits: Float[Tensor, "N O"], sizes: Sequence[int]) -> tuple[Float[Tensor, "N _"], ...]:
    """The logits of each field (the paper's split into A, B, C)."""
    return logits.split(list(sizes), dim=-1)


def classify(logits: Float[Tensor, "N O"], sizes: Sequence[int]) -> Int[Tensor, "N F"]:
    """The instructions that the logits say: in each field the class with the highest."""
    return torch.stack([field.argmax(-1) for field in split(logits, sizes)], dim=-1)


def cross_entropy(
    logits: Float[Tensor, "N O"], labels: Int[Tensor, "N F"], sizes: Sequence[int], smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """The sum over fields of the cross-entropy, mean over inputs: CE(A) + CE(B) + CE(C). A label of -1 counts 0."""
    losses = [
        nn.functional.cross_entropy(field, label, ignore_index=-1, label_smoothing=smoothing, reduction="sum")
        for field, label in zip(split(logits, sizes), labels.unbind(-1), strict=True)
    ]
    return torch.stack(losses).sum() / len(labels)


def right(logits: Float[Tensor, "N O"], labels: Int[Tensor, "N F"], sizes: Sequence[int]) -> Bool[Tensor, "N"]:
    """Whether all fields of an instruction are right that it uses."""
    return ((classify(logits, sizes) == labels) | (labels < 0)).all(-1)
