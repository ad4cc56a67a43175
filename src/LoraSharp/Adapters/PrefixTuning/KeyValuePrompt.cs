using LoraSharp.Adapters.Prompts;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.PrefixTuning;

/// <summary>Keys and values before those of every layer, not rotated; the input's positions go on after them, and the output covers the input alone.</summary>
internal sealed class KeyValuePrompt(string adapter, PromptEncoder encoder, int tokens, int layers, int headDim) : PromptAdapter(adapter, encoder, tokens)
{
    public override PromptedInputs Extend(TransformerInputs inputs, Slot tokens)
    {
        TransformerInputs extended = inputs with
        {
            AttentionMask = ExtendMask(inputs.AttentionMask),
            PositionIds = inputs.PositionIds is { } positions ? positions + Tokens : null,
        };
        if (inputs.Cache is { Length: > 0 })
        {
            return new PromptedInputs(extended);
        }

        Tensor? vectors = inputs.TokenVectors;
        long batch = (vectors ?? inputs.Ids!).shape[0], length = (vectors ?? inputs.Ids!).shape[1];
        KvCache cache = inputs.Cache ?? new KvCache(layers, Tokens + (int)length);
        ScalarType dtype = tokens.Module.parameters().First().dtype;

        // (token, layer, key or value, head, feature)
        Tensor prefix = Encoder.Compute().to(dtype).view(Tokens, layers, 2, -1, headDim);
        for (int layer = 0; layer < layers; layer++)
        {
            cache.Append(layer, Part(layer, 0), Part(layer, 1));
        }

        cache.Advance(Tokens);
        return new PromptedInputs(extended with { Cache = cache }, inputs.Cache is null ? cache : null);

        Tensor Part(int layer, int part) => prefix.select(1, layer).select(1, part).transpose(0, 1).unsqueeze(0).expand(batch, -1, -1, -1);
    }
}
