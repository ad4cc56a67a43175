using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>What attention over key ranges needs besides queries, keys and values.</summary>
/// <param name="Ranges">The keys that each query sees.</param>
/// <param name="Scale">Factor of the scores.</param>
/// <param name="Cos">Cosines (B or 1, 1, T, rotaryDim) of rotary positions, or null.</param>
/// <param name="Sin">Sines, same shape.</param>
/// <param name="Interleaved">Whether rotary positions pair neighbouring features.</param>
internal sealed record AttentionArguments(TokenRanges Ranges, float Scale, Tensor? Cos, Tensor? Sin, bool Interleaved);

/// <summary>Some queries and the keys that any of them sees.</summary>
/// <param name="First">First query.</param>
/// <param name="Count">Number of queries.</param>
/// <param name="FirstKey">First key.</param>
/// <param name="Keys">Number of keys.</param>
internal readonly record struct AttentionTile(int First, int Count, int FirstKey, int Keys)
{
    /// <summary>The tile's part of (B·kvHeads, T·group, headDim).</summary>
    public Tensor Queries(Tensor all, int group) => all.narrow(1, (long)First * group, (long)Count * group);
}
