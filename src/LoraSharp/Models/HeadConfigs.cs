using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>The output head of a language model.</summary>
internal sealed record LanguageHeadConfig
{
    public string Path { get; init; } = "lm_head";

    public bool Bias { get; init; }

    /// <summary>Whether the configuration ties it to the token table.</summary>
    public required bool Tied { get; init; }

    /// <summary>Factor on the logits.</summary>
    public double LogitScale { get; init; } = 1;

    /// <summary>Logits become cap · tanh(logit / cap); null: they stay.</summary>
    public double? LogitCap { get; init; }

    /// <summary>Factor of the load-balancing loss (mixtures of experts).</summary>
    public double RouterLossFactor { get; init; }
}

/// <summary>norm(act(dense(x))); paths are relative to the whole model, null: no such part.</summary>
internal sealed record HeadTransformConfig
{
    public string? Dense { get; init; }

    public bool DenseBias { get; init; } = true;

    public string Activation { get; init; } = "gelu";

    public string? Norm { get; init; }

    public NormConfig? NormConfig { get; init; }
}

/// <summary>The head of a masked language model: decoder(transform(x)) + bias.</summary>
internal sealed record MaskedHeadConfig
{
    public required HeadTransformConfig Transform { get; init; }

    /// <summary>Path of the output matrix, which is usually the token table.</summary>
    public required string Decoder { get; init; }

    /// <summary>Path of the output bias; null: none.</summary>
    public string? Bias { get; init; }

    public required bool Tied { get; init; }
}

/// <summary>The head of a classifier of sequences: classifier(transform(pooled)).</summary>
internal sealed record SequenceHeadConfig
{
    /// <summary>Which vector it reads; <see cref="TokenPooling.Last"/> is the last token that is not the padding token.</summary>
    public required TokenPooling Pooling { get; init; }

    /// <summary>Whether the base model's pooler comes first.</summary>
    public bool UsesPooler { get; init; }

    public HeadTransformConfig Transform { get; init; } = new();

    public string Classifier { get; init; } = "classifier";

    public bool ClassifierBias { get; init; } = true;

    /// <summary>Path of one module that holds the transform's layer and the classifier, or null: they stand on their own.</summary>
    public string? Group { get; init; }
}

/// <summary>The head of a classifier of tokens: classifier(transform(x)).</summary>
internal sealed record TokenHeadConfig
{
    public HeadTransformConfig Transform { get; init; } = new();

    public string Classifier { get; init; } = "classifier";
}

/// <summary>The layer on the first token of a base model.</summary>
/// <param name="Path">Its path, relative to the base model.</param>
/// <param name="Activation">Name of the activation function.</param>
internal sealed record PoolerConfig(string Path, string Activation);
