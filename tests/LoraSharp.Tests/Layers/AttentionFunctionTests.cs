using LoraSharp.Interop;
using LoraSharp.Layers;
using LoraSharp.Tests.Kernels;
using LoraSharp.Tests.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Layers;

/// <summary>Attention over key ranges against libtorch's attention with a mask of tokens x tokens.</summary>
public sealed class AttentionFunctionTests
{
    [Theory]
    [InlineData("causal", ScalarType.Float32, 2, 40, 4, 2, 16)]
    [InlineData("causal", ScalarType.Float32, 1, 300, 3, 1, 8)]
    [InlineData("causal", ScalarType.BFloat16, 2, 150, 4, 4, 64)]
    [InlineData("both ways", ScalarType.Float32, 2, 33, 2, 2, 10)]
    [InlineData("window", ScalarType.Float32, 2, 200, 4, 2, 16)]
    [InlineData("documents", ScalarType.Float32, 2, 280, 4, 2, 16)]
    [InlineData("padding", ScalarType.Float32, 3, 150, 2, 1, 16)]
    [InlineData("padding both ways", ScalarType.BFloat16, 3, 30, 2, 1, 16)]
    [InlineData("partial rotary", ScalarType.Float32, 2, 20, 2, 2, 24)]
    [InlineData("interleaved rotary", ScalarType.Float32, 2, 20, 2, 2, 16)]
    [InlineData("no rotary", ScalarType.Float32, 2, 20, 2, 2, 16)]
    public void It_is_masked_attention(string kind, ScalarType type, int batch, int tokens, int heads, int kvHeads, int dim)
    {
        QuantizationAssert.InEveryForm(_ =>
        {
            using var scope = NewDisposeScope();
            manual_seed(tokens);
            Tensor q = randn([batch, tokens, heads, dim]).to(type), k = randn([batch, tokens, kvHeads, dim]).to(type), v = randn([batch, tokens, kvHeads, dim]).to(type);
            Tensor g = randn([batch, tokens, heads * dim]).to(type);
            bool causal = !kind.EndsWith("both ways", StringComparison.Ordinal);
            Tensor? keyMask = kind.StartsWith("padding", StringComparison.Ordinal) ? KeyMask(batch, tokens) : null;
            Tensor? documents = kind == "documents" ? (arange(tokens) / 90).floor().to(ScalarType.Int64).unsqueeze(0).repeat(batch, 1) : null;
            int? window = kind == "window" ? 17 : null;
            TokenRanges ranges = TokenRanges.Create(tokens, causal, keyMask, documents, window)!;
            Tensor mask = causal
                ? AttentionMask.Causal(keyMask, documents, 0, tokens, window, always: true, ScalarType.Float32)!
                : AttentionMask.Bidirectional(keyMask, tokens, null, false, ScalarType.Float32) ?? zeros(1, 1, 1, 1);
            bool interleaved = kind == "interleaved rotary";
            (Tensor? cos, Tensor? sin) = kind == "no rotary" ? default((Tensor?, Tensor?))
                : new RotaryEmbedding(new RopeOptions { RotaryDim = kind == "partial rotary" ? 8 : dim, Theta = 100, Interleaved = interleaved }).Tables(arange(tokens).unsqueeze(0), type);
            var arguments = new AttentionArguments(ranges, 0.3f, cos, sin, interleaved);
            RowKernelTests.Compare([q, k, v], g, t => AttentionFunction.Apply(t[0], t[1], t[2], arguments), t =>
            {
                Tensor[] turned = [.. t.Select(x => x.transpose(1, 2))];
                if (cos is not null)
                {
                    turned[0] = RotaryEmbedding.Apply(turned[0], cos, sin!, interleaved);
                    turned[1] = RotaryEmbedding.Apply(turned[1], cos, sin!, interleaved);
                }

                Tensor[] wide = [.. turned.Select(x => x.to(ScalarType.Float32))];
                return TorchOperators.ScaledDotProductAttention(wide[0], wide[1], wide[2], mask, false, 0.3f).transpose(1, 2).reshape(batch, tokens, -1).to(type);
            });
        });
    }

    [Fact]
    public void Padding_before_the_tokens_has_no_ranges()
    {
        using var scope = NewDisposeScope();
        Assert.Null(TokenRanges.Create(3, true, tensor(new long[] { 0, 1, 1 }).view(1, 3), null, null));
        Assert.Null(TokenRanges.Create(3, true, tensor(new long[] { 1, 0, 1 }).view(1, 3), null, null));
        Assert.NotNull(TokenRanges.Create(3, true, tensor(new long[] { 1, 1, 0 }).view(1, 3), null, null));
    }

    [Fact]
    public void Documents_do_not_see_each_other()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        Tensor q = randn([1, 200, 2, 8]), k = randn([1, 200, 2, 8]), v = randn([1, 200, 2, 8]), documents = cat([zeros(1, 120), ones(1, 80)], 1).to(ScalarType.Int64);
        Tensor together = AttentionFunction.Apply(q, k, v, new AttentionArguments(TokenRanges.Create(200, true, null, documents, null)!, 1, null, null, false));
        Tensor alone = AttentionFunction.Apply(
            q.narrow(1, 120, 80), k.narrow(1, 120, 80), v.narrow(1, 120, 80), new AttentionArguments(TokenRanges.Create(80, true, null, null, null)!, 1, null, null, false));
        Assert.True(together.narrow(1, 120, 80).allclose(alone, 1e-5, 1e-6));
    }

    private static Tensor KeyMask(int batch, int tokens)
    {
        Tensor mask = ones([batch, tokens], dtype: ScalarType.Int64);
        for (int row = 1; row < batch; row++)
        {
            mask.narrow(0, row, 1).narrow(1, tokens - (7 * row), 7 * row).fill_(0);
        }

        return mask;
    }
}
