using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>What the layers of one forward pass share.</summary>
internal sealed record AttentionContext
{
    /// <summary>Cosines (B, 1, T, rotaryDim) of rotary positions, or null.</summary>
    public Tensor? Cos { get; init; }

    /// <summary>Sines, same shape.</summary>
    public Tensor? Sin { get; init; }

    /// <summary>Whether rotary positions pair neighbouring features.</summary>
    public bool Interleaved { get; init; }

    /// <summary>Additive mask, broadcastable to (B, heads, T, S), in the compute type; null when <see cref="IsCausal"/> says it all.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>Plain causal attention over T = S tokens; with neither this nor a mask every query sees every key.</summary>
    public bool IsCausal { get; init; }

    /// <summary>The same as key ranges, where it has that form and attention can compute with it; there is no <see cref="Mask"/> then.</summary>
    public TokenRanges? Ranges { get; init; }

    /// <summary>Keys and values of earlier tokens, or null.</summary>
    public KvCache? Cache { get; init; }

    /// <summary>The encoder's output (B, S, hidden), for cross-attention.</summary>
    public Tensor? Memory { get; init; }

    /// <summary>Additive mask over the encoder's tokens (B, 1, 1, S), or null.</summary>
    public Tensor? MemoryMask { get; init; }

    /// <summary>Keys and values of the encoder's output, or null.</summary>
    public CrossCache? MemoryCache { get; init; }

    /// <summary>Vectors of relative positions (DeBERTa), or null.</summary>
    public RelativePositions? Relative { get; init; }

    /// <summary>The layer runs again for its gradients only; see <see cref="IRecomputable"/>.</summary>
    public bool ForBackward { get; init; }

    /// <summary>Collects what the routers of mixture layers decide, or null.</summary>
    public RouterTrace? Routing { get; init; }

    /// <summary>The tensors of this context, without caches, in a fixed order.</summary>
    public IEnumerable<Tensor> Tensors => new[] { Cos, Sin, Mask, Memory, MemoryMask, Relative?.Vectors, Relative?.Rows }.OfType<Tensor>();

    /// <summary>The same context over other tensors, given in the order of <see cref="Tensors"/>, without caches and routing.</summary>
    public AttentionContext With(ReadOnlySpan<Tensor> tensors)
    {
        int at = 0;
        return new AttentionContext
        {
            Cos = Next(Cos, tensors),
            Sin = Next(Sin, tensors),
            Mask = Next(Mask, tensors),
            Memory = Next(Memory, tensors),
            MemoryMask = Next(MemoryMask, tensors),
            Relative = Relative is null ? null : new RelativePositions(tensors[at++], tensors[at++]),
            Interleaved = Interleaved,
            IsCausal = IsCausal,
            Ranges = Ranges,
        };

        Tensor? Next(Tensor? old, ReadOnlySpan<Tensor> all) => old is null ? null : all[at++];
    }
}
