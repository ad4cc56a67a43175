namespace LoraSharp.Models;

/// <summary>How <see cref="TextEmbedder.Embed(IReadOnlyList{string}, EmbeddingOptions?, CancellationToken)"/> turns texts into vectors.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>Texts that pass through the model side by side. Default: 32.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>The most tokens of a text, special ones included; what is longer is cut. Default: null, which is <see cref="TextEmbedder.MaxLength"/>.</summary>
    public int? MaxLength { get; init; }

    /// <summary>What stands before each text, as some models want it ("query: "). Default: nothing.</summary>
    public string Prompt { get; init; } = "";
}
