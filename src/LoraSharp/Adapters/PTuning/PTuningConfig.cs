using LoraSharp.Adapters;
using LoraSharp.Adapters.PTuning;

namespace LoraSharp;

/// <summary>P-tuning (Liu et al. 2021, arXiv:2103.10385): a network makes the prompt while training; files hold the prompt itself.</summary>
public sealed record PTuningConfig : PromptConfig
{
    /// <summary>The network. Default: MLP.</summary>
    public PTuningEncoder Encoder { get; init; }

    /// <summary>Its width. Default: null, that of a token.</summary>
    public int? EncoderHiddenSize { get; init; }

    /// <summary>Layers of a recurrent network. Default: 2.</summary>
    public int EncoderLayers { get; init; } = 2;

    /// <summary>Dropout between those. Default: 0.</summary>
    public double EncoderDropout { get; init; }

    internal override AdapterMethod Method => PTuningMethod.Instance;

    internal override void Validate()
    {
        base.Validate();
        if (EncoderHiddenSize is <= 0 || EncoderLayers <= 0)
        {
            throw Invalid($"encoderHiddenSize is {EncoderHiddenSize} and encoderLayers {EncoderLayers}; both must be at least 1");
        }

        RequireProbability(EncoderDropout, "encoderDropout");
    }
}
