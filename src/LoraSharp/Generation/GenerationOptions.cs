namespace LoraSharp;

/// <summary>How text is generated: transformers' GenerationConfig, with its names and defaults.</summary>
public sealed record GenerationOptions
{
    /// <summary>New tokens at most. Default: 20.</summary>
    public int MaxNewTokens { get; init; } = 20;

    /// <summary>Draws from the distribution instead of taking the most probable token. Default: false.</summary>
    public bool DoSample { get; init; }

    /// <summary>Divides the logits when sampling; above 0. Default: 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the k most probable tokens (and ties with the last) when sampling; 0: all. Default: 50.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Keeps the most probable tokens whose probabilities reach this sum, when sampling; 1: all. Default: 1.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Makes tokens that occurred already less likely (Keskar et al. 2019); 1: off. Default: 1.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Makes sampling reproducible. Default: null, the global generator.</summary>
    public int? Seed { get; init; }

    /// <summary>Ids that end a text. Default: null, those of generation_config.json, else of config.json and the tokenizer.</summary>
    public IReadOnlyList<int>? EosTokenIds { get; init; }

    internal void Validate()
    {
        Require(MaxNewTokens >= 1, nameof(MaxNewTokens), MaxNewTokens, "at least 1");
        Require(double.IsFinite(Temperature) && Temperature > 0, nameof(Temperature), Temperature, "above 0; for the most probable token set DoSample to false");
        Require(TopK >= 0, nameof(TopK), TopK, "at least 0 (0: all tokens)");
        Require(TopP is > 0 and <= 1, nameof(TopP), TopP, "above 0 and at most 1");
        Require(double.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, nameof(RepetitionPenalty), RepetitionPenalty, "above 0 (1: off)");

        static void Require(bool condition, string name, object value, string range)
        {
            if (!condition)
            {
                throw new ArgumentOutOfRangeException(name, value, $"GenerationOptions.{name} must be {range}.");
            }
        }
    }
}
