using LoraSharp.Layers;
using LoraSharp.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Prompts;

/// <summary>Virtual tokens before the input's: positions begin with them, and the output covers them.</summary>
internal sealed class TokenPrompt(string adapter, PromptEncoder encoder, int tokens) : PromptAdapter(adapter, encoder, tokens)
{
    public override PromptedInputs Extend(TransformerInputs inputs, Slot tokens)
    {
        bool begun = inputs.Cache is { Length: > 0 };
        Tensor? positions = inputs.PositionIds is { } given ? given + Tokens : null;
        if (begun)
        {
            return new PromptedInputs(inputs with { AttentionMask = ExtendMask(inputs.AttentionMask), PositionIds = positions });
        }

        Tensor own = inputs.TokenVectors ?? tokens.Call(inputs.Ids!);
        Tensor prompt = Encoder.Compute().to(own.dtype).unsqueeze(0).expand(own.shape[0], -1, -1);
        if (positions is not null)
        {
            positions = cat([arange(Tokens, dtype: ScalarType.Int64).unsqueeze(0).expand(positions.shape[0], -1), positions], 1);
        }

        return new PromptedInputs(inputs with
        {
            Ids = null,
            TokenVectors = cat([prompt, own], 1),
            AttentionMask = ExtendMask(inputs.AttentionMask),
            PositionIds = positions,
        });
    }
}
