using System.Runtime.InteropServices;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

internal static class QuantizationAssert
{
    /// <summary>Equal to the last bit (NaN equals the same NaN, 0 differs from -0).</summary>
    public static void SameBits<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, string what)
        where T : unmanaged
    {
        Assert.Equal(expected.Length, actual.Length);
        ReadOnlySpan<byte> a = MemoryMarshal.AsBytes(expected);
        ReadOnlySpan<byte> b = MemoryMarshal.AsBytes(actual);
        int at = a.CommonPrefixLength(b);
        if (at < a.Length)
        {
            int index = at / (a.Length / expected.Length);
            Assert.Fail($"{what}: element {index} of {expected.Length} is {actual[index]} instead of {expected[index]}.");
        }
    }

    public static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double absolute, double relative, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double limit = absolute + (relative * Math.Abs(expected[i]));
            Assert.True(Math.Abs((double)actual[i] - expected[i]) <= limit, $"{what}: element {i} is {actual[i]} instead of {expected[i]} (tolerance {limit}).");
        }
    }

    /// <summary>Runs an action once in every instruction set that this CPU has.</summary>
    public static void InEveryForm(Action<InstructionSet> action)
    {
        InstructionSet before = KernelSelection.InstructionSet;
        try
        {
            foreach (InstructionSet form in KernelSelection.Supported)
            {
                KernelSelection.InstructionSet = form;
                action(form);
            }
        }
        finally
        {
            KernelSelection.InstructionSet = before;
        }
    }
}
