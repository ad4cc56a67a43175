using LoraSharp.Adapters;
using LoraSharp.Adapters.PrefixTuning;

namespace LoraSharp;

/// <summary>Prefix tuning (Li and Liang 2021, arXiv:2101.00190): trained keys and values before those of every layer.</summary>
public sealed record PrefixTuningConfig : PromptConfig
{
    /// <summary>Whether a network makes the prefix while training. Default: false.</summary>
    public bool Projection { get; init; }

    /// <summary>Width of that network. Default: null, that of a token's keys.</summary>
    public int? EncoderHiddenSize { get; init; }

    internal override AdapterMethod Method => PrefixTuningMethod.Instance;

    internal override void Validate()
    {
        base.Validate();
        if (EncoderHiddenSize is <= 0)
        {
            throw Invalid($"encoderHiddenSize is {EncoderHiddenSize}; it must be at least 1");
        }
    }
}
