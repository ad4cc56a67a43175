using static TorchSharp.torch;

namespace LoraSharp.Data;

/// <summary>Rows side by side as tensors. Disposing it disposes them.</summary>
internal sealed class Batch : IDisposable
{
    /// <summary>(rows, length), int64.</summary>
    public required Tensor InputIds { get; init; }

    /// <summary>(rows, length), int64; −100 where nothing is learned.</summary>
    public required Tensor Labels { get; init; }

    /// <summary>(rows, length), int64, 1 for tokens and 0 for padding; null for padding-free batches.</summary>
    public Tensor? AttentionMask { get; init; }

    /// <summary>(1, length), int64, starting again at 0 for each document, which must not see the others; null for padded batches.</summary>
    public Tensor? PositionIds { get; init; }

    /// <summary>Where each document of a padding-free batch starts, and the length at the end (<c>cu_seq_lens</c>); null for padded batches.</summary>
    public int[]? SequenceStarts { get; init; }

    /// <summary>Rows of the data set in this batch.</summary>
    public required int Rows { get; init; }

    /// <summary>Labels other than −100 that a causal model learns, so without the first column: what the loss is divided by.</summary>
    public required long LabelCount { get; init; }

    /// <summary>Tokens, padding left out.</summary>
    public required long TokenCount { get; init; }

    public void Dispose()
    {
        InputIds.Dispose();
        Labels.Dispose();
        AttentionMask?.Dispose();
        PositionIds?.Dispose();
    }
}
