using LoraSharp.Adapters;
using LoraSharp.Adapters.PromptTuning;

namespace LoraSharp;

/// <summary>Prompt tuning (Lester et al. 2021, arXiv:2104.08691): trained vectors before the input's embeddings.</summary>
public sealed record PromptTuningConfig : PromptConfig
{
    /// <summary>
    /// Token ids of a text whose embeddings the prompt begins with, repeated or cut to the number of virtual tokens. Default: null, random vectors.
    /// </summary>
    public IReadOnlyList<long>? InitTokens { get; init; }

    /// <summary>The text of <see cref="InitTokens"/>, for the file. Default: null.</summary>
    public string? InitText { get; init; }

    internal string? TokenizerName { get; init; }

    /// <summary>How the file says that the prompt began.</summary>
    internal string InitName { get; init; } = "RANDOM";

    internal override AdapterMethod Method => PromptTuningMethod.Instance;

    internal override void Validate()
    {
        base.Validate();
        if (InitTokens is { Count: 0 } || InitTokens?.Any(token => token < 0) == true)
        {
            throw Invalid("initTokens is empty or holds a negative id; give the token ids of a text");
        }
    }
}
