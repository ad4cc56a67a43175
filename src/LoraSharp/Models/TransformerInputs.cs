using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The input of one forward pass through a stack of layers.</summary>
internal sealed record TransformerInputs
{
    /// <summary>(B, T) int64; null when <see cref="TokenVectors"/> is given.</summary>
    public Tensor? Ids { get; init; }

    /// <summary>(B, T, size) rows of the token table or what stands for them (soft prompts), before scaling.</summary>
    public Tensor? TokenVectors { get; init; }

    /// <summary>(B, past + T) of 0 (padding) and 1, or null.</summary>
    public Tensor? AttentionMask { get; init; }

    /// <summary>(B, T), or null. Without an attention mask, a step other than +1 starts a new document.</summary>
    public Tensor? PositionIds { get; init; }

    /// <summary>(B, T), or null: all 0.</summary>
    public Tensor? TokenTypeIds { get; init; }

    /// <summary>Earlier tokens; T more are appended.</summary>
    public KvCache? Cache { get; init; }

    /// <summary>The encoder's output (B, S, hidden), or null.</summary>
    public Tensor? Memory { get; init; }

    /// <summary>(B, S) of 0 and 1, or null.</summary>
    public Tensor? MemoryMask { get; init; }

    /// <summary>The encoder's keys and values, kept during a generation, or null.</summary>
    public CrossCache? MemoryCache { get; init; }

    /// <summary>Collects the decisions of routers, or null.</summary>
    public RouterTrace? Routing { get; init; }

    /// <summary>Sees the input of each layer and, last, the output before the final norm.</summary>
    public Action<Tensor>? Observe { get; init; }
}
