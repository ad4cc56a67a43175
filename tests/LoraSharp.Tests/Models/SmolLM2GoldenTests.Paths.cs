using System.Text.Json;
using LoraSharp.Generation;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using LoraSharp.Tests.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>The logits of the quantised model through every path of a product with a 4-bit weight.</summary>
public partial class SmolLM2GoldenTests
{
    [Theory]
    [InlineData("Fused")]
    [InlineData("Panel")]
    public void Quantised_logits_are_the_same_on_every_path(string path)
    {
        using IDisposable threads = TestThreads.UseAll();
        FourBitProduct.Forced = Enum.Parse<FourBitPath>(path);
        try
        {
            Array.ForEach(QuantisedForwards(), golden => CheckForward(golden, golden.ModelFolder()));
        }
        finally
        {
            FourBitProduct.Forced = null;
        }
    }

    /// <summary>A few tokens at a time, as in decoding: one row of x is the matrix-vector product, few are the small batch.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Quantised_logits_are_the_same_a_few_tokens_at_a_time(int rows)
    {
        Assert.Equal(FourBitPath.Fused, FourBitProduct.Choose(ScalarType.Float32, rows));
        using IDisposable threads = TestThreads.UseAll();
        using var noGrad = no_grad();
        foreach (GoldenCase golden in QuantisedForwards())
        {
            using CausalLM model = Load(golden, golden.ModelFolder());
            long[] ids = [.. golden.Inputs.GetProperty("input_ids").EnumerateArray().Select(i => i.GetInt64())];
            if (ids.Length <= 5)
            {
                QuantizationAssert.InEveryForm(_ => CheckPieces(golden, model, ids, rows));
            }
            else
            {
                CheckPieces(golden, model, ids, rows);
            }
        }
    }

    private static void CheckPieces(GoldenCase golden, CausalLM model, long[] ids, int rows)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using KvCache cache = model.NewCache();
        Tensor logits = cat([.. ids.Chunk(rows).Select(piece => model.Logits(tensor(piece).unsqueeze(0), cache: cache)[0])]);
        Close("expected.last_logits", logits[^1]);
        Close("expected.top20_logits", logits.gather(1, tensors["expected.top20_ids"].to(ScalarType.Int64)));
        Assert.Equal(golden.Expected.GetProperty("argmax").EnumerateArray().Select(i => i.GetInt64()), logits.argmax(-1).data<long>().ToArray());

        void Close(string what, Tensor actual)
        {
            (double absolute, double relative) = Tolerance(golden, what);
            GoldenTensors.AssertClose(what, tensors[what], actual, absolute, relative);
        }
    }

    private static GoldenCase[] QuantisedForwards()
    {
        GoldenCase[] cases = [.. GoldenFolder.Cases("smollm2").Select(name => new GoldenCase("smollm2", name)).Where(IsQuantisedForward)];
        Assert.SkipWhen(cases.Length == 0, $"There are no such golden cases in {GoldenFolder.Root}.");
        return cases;

        static bool IsQuantisedForward(GoldenCase golden) =>
            golden.Parameters.GetProperty("kind").GetString() == "forward" && golden.Parameters.GetProperty("quantization_config").ValueKind == JsonValueKind.Object;
    }
}
