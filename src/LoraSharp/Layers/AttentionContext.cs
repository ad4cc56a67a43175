using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>What all layers of one forward pass share: rotary tables, the mask and the cache.</summary>
/// <param name="Cos">Cosines (B, 1, T, rotaryDim).</param>
/// <param name="Sin">Sines, same shape.</param>
/// <param name="Mask">Additive mask (B or 1, 1, T, S) in the compute type, or null when <paramref name="IsCausal"/> says it all.</param>
/// <param name="IsCausal">Plain causal attention over T = S tokens; with neither this nor a mask every query sees every key.</param>
/// <param name="Cache">Keys and values of earlier tokens, or null.</param>
internal sealed record AttentionContext(Tensor Cos, Tensor Sin, Tensor? Mask, bool IsCausal, KvCache? Cache);
