using System.Runtime.InteropServices;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Writes quantised weights as bitsandbytes does, byte for byte.</summary>
internal static class PackedWriter
{
    /// <summary>The tensors of one layer.</summary>
    /// <param name="name">Name of the weight.</param>
    /// <param name="weight">A 4-bit or 8-bit weight.</param>
    /// <param name="storage">How the packed bytes of 4-bit weights are cut into elements.</param>
    public static IEnumerable<TensorSource> Tensors(string name, LinearWeight weight, ScalarType storage) => weight switch
    {
        FourBitWeight four => FourBit(name, four, storage),
        Int8Weight eight =>
        [
            Raw(name, "I8", eight.Data.Codes, eight.OutFeatures, eight.InFeatures),
            Raw(PackedNames.Int8Scales(name), "F32", eight.Data.Scales, eight.OutFeatures),

            // A scalar: 0, row by row.
            Raw<byte>(PackedNames.Int8Format(name), "U8", new byte[1]),
        ],
        _ => throw new InvalidOperationException($"'{name}' is a {weight.GetType().Name}, which bitsandbytes' files cannot hold. Save without 'quantized'."),
    };

    private static List<TensorSource> FourBit(string name, FourBitWeight weight, ScalarType storage)
    {
        FourBitTensor data = weight.Data;
        QuantState state = QuantState.Of(data, KernelTypes.Element(weight.Dtype), weight.OutFeatures, weight.InFeatures);
        byte[] json = state.ToUtf8();
        int size = TensorDtype.Bits(TensorDtype.FromTorch(storage))!.Value / 8;
        if (data.Packed.Length % size != 0)
        {
            throw new InvalidOperationException(
                $"The {data.Packed.Length} packed bytes of '{name}' are no whole number of {storage} elements. Save with QuantizationConfig.QuantStorage Byte.");
        }

        List<TensorSource> tensors =
        [
            Raw(name, TensorDtype.FromTorch(storage), data.Packed, data.Packed.Length / size, 1),
            Raw(name + PackedNames.QuantMap, "F32", data.Code, data.Code.Length),
            Raw<byte>(name + PackedNames.State + state.TypeName, "U8", json, json.Length),
        ];
        if (data.Nested is { } nested)
        {
            tensors.Add(Raw(name + PackedNames.Absmax, "U8", nested.AbsmaxCodes, nested.AbsmaxCodes.Length));
            tensors.Add(Raw(name + PackedNames.NestedAbsmax, "F32", nested.NestedAbsmax, nested.NestedAbsmax.Length));
            tensors.Add(Raw(name + PackedNames.NestedQuantMap, "F32", nested.NestedCode, nested.NestedCode.Length));
        }
        else
        {
            tensors.Add(Raw(name + PackedNames.Absmax, "F32", data.Absmax, data.Absmax.Length));
        }

        return tensors;
    }

    private static TensorSource Raw<T>(string name, string dtype, ReadOnlyMemory<T> values, params long[] shape)
        where T : unmanaged =>
        TensorSource.Raw(name, dtype, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));
}
