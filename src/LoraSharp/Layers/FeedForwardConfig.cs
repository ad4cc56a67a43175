namespace LoraSharp.Layers;

/// <summary>The shape, the flags and the names of a feed-forward layer; paths are relative to the decoder or encoder layer.</summary>
internal sealed record FeedForwardConfig
{
    public required int Intermediate { get; init; }

    /// <summary>Name of the activation function.</summary>
    public required string Activation { get; init; }

    /// <summary>Path of the gate's projection; null: not gated, or fused with <see cref="Up"/>.</summary>
    public string? Gate { get; init; } = "mlp.gate_proj";

    /// <summary>Path of the projection to the inner width.</summary>
    public string Up { get; init; } = "mlp.up_proj";

    public string Down { get; init; } = "mlp.down_proj";

    /// <summary>Whether <see cref="Up"/> holds the gate's rows and then its own.</summary>
    public bool FusedGate { get; init; }

    public bool Bias { get; init; }

    /// <summary>The mixture of experts that takes the place of this layer where it is sparse, or null.</summary>
    public MixtureConfig? Mixture { get; init; }
}

/// <summary>A mixture of experts (Shazeer et al. 2017).</summary>
internal sealed record MixtureConfig
{
    public required int Experts { get; init; }

    /// <summary>Experts that a token goes to.</summary>
    public required int Chosen { get; init; }

    public required int Intermediate { get; init; }

    /// <summary>Path of the router.</summary>
    public required string Router { get; init; }

    public bool RouterBias { get; init; }

    /// <summary>Path of the experts; expert e is below it under its number, or all are in three-dimensional tensors.</summary>
    public required string ExpertsPath { get; init; }

    public string Gate { get; init; } = "gate_proj";

    public string Up { get; init; } = "up_proj";

    public string Down { get; init; } = "down_proj";

    /// <summary>Whether the experts are gpt-oss's: packed into tensors (E, in, out) with gate and up interleaved, clamped, and weighed by a softmax over the chosen.</summary>
    public bool Packed { get; init; }

    /// <summary>Packed experts: gate and up are clamped to this.</summary>
    public double Limit { get; init; } = 7;

    /// <summary>Packed experts: slope of the gate's sigmoid.</summary>
    public double Alpha { get; init; } = 1.702;

    /// <summary>Whether the weights of the chosen experts are divided by their sum.</summary>
    public bool Normalize { get; init; }

    /// <summary>Layers that are mixtures.</summary>
    public required Func<int, bool> IsSparse { get; init; }
}
