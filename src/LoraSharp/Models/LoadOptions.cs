using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>How a model is loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>Type of the weights that are not quantised: float32, bfloat16 or float16. Default: null, the type that config.json names (float32 if none).</summary>
    public ScalarType? Dtype { get; init; }

    /// <summary>Quantises every linear layer inside the decoder layers while loading, tensor by tensor. Default: null, none.</summary>
    public QuantizationConfig? Quantization { get; init; }

    /// <summary>Number of labels of a classifier whose head is new. Default: null, what config.json says (two if nothing).</summary>
    public int? NumLabels { get; init; }

    /// <summary>Reports the name of each tensor as it is loaded.</summary>
    public IProgress<string>? Progress { get; init; }

    /// <summary>Stops loading.</summary>
    public CancellationToken CancellationToken { get; init; }

    internal void Validate()
    {
        if (Dtype is not (null or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16 or ScalarType.Float16))
        {
            throw new ArgumentException($"LoadOptions.Dtype is {Dtype}; a model's weights can be Float32, Float64, BFloat16 or Float16.");
        }

        if (NumLabels < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(NumLabels), NumLabels, "LoadOptions.NumLabels must be at least 1.");
        }

        if (Quantization is not null && Dtype == ScalarType.Float64)
        {
            throw new ArgumentException("LoadOptions.Dtype is Float64, which cannot be quantised; choose Float32, BFloat16 or Float16, or leave Quantization out.");
        }

        Quantization?.Validate();
    }
}
