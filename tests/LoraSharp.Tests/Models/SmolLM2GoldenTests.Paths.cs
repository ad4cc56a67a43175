using System.Text.Json;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Models;

/// <summary>The logits of the quantised model through every path of a product with a 4-bit weight.</summary>
public partial class SmolLM2GoldenTests
{
    [Theory]
    [InlineData("Fused")]
    [InlineData("Panel")]
    public void Quantised_logits_are_the_same_on_every_path(string path)
    {
        GoldenCase[] cases = [.. GoldenFolder.Cases("smollm2").Select(name => new GoldenCase("smollm2", name)).Where(IsQuantisedForward)];
        Assert.SkipWhen(cases.Length == 0, $"There are no such golden cases in {GoldenFolder.Root}.");
        using IDisposable threads = TestThreads.UseAll();
        FourBitProduct.Forced = Enum.Parse<FourBitPath>(path);
        try
        {
            Array.ForEach(cases, golden => CheckForward(golden, golden.ModelFolder()));
        }
        finally
        {
            FourBitProduct.Forced = null;
        }

        static bool IsQuantisedForward(GoldenCase golden) =>
            golden.Parameters.GetProperty("kind").GetString() == "forward" && golden.Parameters.GetProperty("quantization_config").ValueKind == JsonValueKind.Object;
    }
}
