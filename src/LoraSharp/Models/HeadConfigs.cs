using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>The output head of a causal language model.</summary>
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

/// <summary>The head of a masked language model: decoder(norm(act(dense(x)))) + bias.</summary>
internal sealed record MaskedHeadConfig
{
    public required string Dense { get; init; }

    public bool DenseBias { get; init; } = true;

    public required string Activation { get; init; }

    public required string Norm { get; init; }

    public required NormConfig NormConfig { get; init; }

    /// <summary>Path of the output matrix, which is usually the token table.</summary>
    public required string Decoder { get; init; }

    /// <summary>Path of the output bias; null: none.</summary>
    public string? Bias { get; init; }

    public bool Tied { get; init; } = true;
}

/// <summary>Which vector a classifier of sequences reads.</summary>
internal enum SequencePooling
{
    /// <summary>The first token's.</summary>
    First,

    /// <summary>The mean over the tokens that count.</summary>
    Mean,

    /// <summary>That of the last token that is not the padding token.</summary>
    Last,
}

/// <summary>The head of a classifier of sequences: classifier(norm(act(dense(pooled)))).</summary>
internal sealed record SequenceHeadConfig
{
    public required SequencePooling Pooling { get; init; }

    /// <summary>Path of a layer before the classifier, relative to the whole model; null: none.</summary>
    public string? Dense { get; init; }

    public bool DenseBias { get; init; } = true;

    /// <summary>Name of the activation function after it.</summary>
    public string Activation { get; init; } = "tanh";

    /// <summary>Path of a norm after the activation; null: none.</summary>
    public string? Norm { get; init; }

    public string Classifier { get; init; } = "classifier";

    public bool ClassifierBias { get; init; } = true;

    /// <summary>Path of one module that holds both layers, or null: they stand on their own.</summary>
    public string? Group { get; init; }
}

/// <summary>The head of a classifier of tokens: classifier(norm(act(dense(x)))).</summary>
internal sealed record TokenHeadConfig
{
    /// <summary>Path of a layer before the classifier; null: none.</summary>
    public string? Dense { get; init; }

    public bool DenseBias { get; init; } = true;

    public string Activation { get; init; } = "gelu";

    /// <summary>Path of a norm after the activation; null: none.</summary>
    public string? Norm { get; init; }

    public string Classifier { get; init; } = "classifier";
}

/// <summary>The layer on the first token of a base model.</summary>
/// <param name="Path">Its path, relative to the base model.</param>
/// <param name="Activation">Name of the activation function.</param>
internal sealed record PoolerConfig(string Path, string Activation);
