using System.Buffers;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class MappedMemoryTests
{
    [Fact]
    public void States_in_a_file_take_the_same_steps_as_states_in_memory()
    {
        const int N = 10_000;
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            float[] g = RandomTensor.Create(1, N, withNonFinite: false).Select(x => Math.Clamp(x, -1, 1)).ToArray();
            float[] expected = new float[N], actual = new float[N];
            EightBitState first = new(N), second = new(N);
            using (MemoryManager<byte> m = new MappedMemory<byte>(folder, N), v = new MappedMemory<byte>(folder, N))
            using (MemoryManager<float> mScale = new MappedMemory<float>(folder, EightBitState.ScaleCount(N)), vScale = new MappedMemory<float>(folder, EightBitState.ScaleCount(N)))
            {
                var mappedFirst = new EightBitState(m.Memory, mScale.Memory);
                var mappedSecond = new EightBitState(v.Memory, vScale.Memory);
                for (int step = 1; step <= 3; step++)
                {
                    AdamW.Step<float, float>(expected, g, first, second, new AdamWSettings(0.01), step);
                    AdamW.Step<float, float>(actual, g, mappedFirst, mappedSecond, new AdamWSettings(0.01), step);
                }

                QuantizationAssert.SameBits<float>(expected, actual, "parameters");
                QuantizationAssert.SameBits<byte>(first.Codes.Span, mappedFirst.Codes.Span, "codes");
            }

            Assert.Empty(Directory.EnumerateFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Memory_that_was_disposed_of_is_refused()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var memory = new MappedMemory<float>(folder, 10);
            ((IDisposable)memory).Dispose();
            Assert.Throws<ObjectDisposedException>(() => memory.GetSpan().Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_folder_that_is_not_there_is_an_error() =>
        Assert.Throws<DirectoryNotFoundException>(() => new MappedMemory<float>(Path.Combine(Path.GetTempPath(), "not-there-" + Guid.NewGuid()), 10));
}
