using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Reads the weights of a checkpoint that bitsandbytes quantised, as they are: nothing is quantised anew.</summary>
internal sealed class PackedTensors(Checkpoint checkpoint, QuantizationConfig config)
{
    private static readonly string[] FourBitTypes = ["nf4", "fp4"];

    /// <summary>Whether the tensor of this name is a packed matrix.</summary>
    public bool Contains(string weight) => config.LoadIn8bit ? checkpoint.Contains(PackedNames.Int8Scales(weight)) : State(weight) is not null;

    /// <summary>Names of the tensors that belong to a packed matrix.</summary>
    public IEnumerable<string> Companions(string weight) => config.LoadIn8bit
        ? [PackedNames.Int8Scales(weight), PackedNames.Int8Format(weight)]
        : [
            weight + PackedNames.Absmax, weight + PackedNames.QuantMap, weight + PackedNames.NestedAbsmax, weight + PackedNames.NestedQuantMap,
            .. FourBitTypes.Select(type => weight + PackedNames.State + type),
        ];

    /// <summary>What is wrong with the tensors of a packed matrix, or null.</summary>
    public string? Fault(string weight, long[] shape)
    {
        try
        {
            if (config.LoadIn8bit)
            {
                CheckInt8(weight, shape);
            }
            else
            {
                CheckFourBit(weight, shape);
            }

            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    /// <summary>Loads a packed matrix.</summary>
    /// <param name="weight">Its name in the file.</param>
    /// <param name="shape">(out, in).</param>
    /// <param name="dtype">The model's type, which 8-bit files do not say.</param>
    public LinearWeight Load(string weight, long[] shape, ScalarType dtype)
    {
        if (config.LoadIn8bit)
        {
            CheckInt8(weight, shape);
            return new Int8Weight(new Int8Matrix((int)shape[0], (int)shape[1], Read<sbyte>(weight), Read<float>(PackedNames.Int8Scales(weight))), dtype, config);
        }

        QuantState state = CheckFourBit(weight, shape);
        byte[] codes = Read<byte>(weight);
        float[] map = Read<float>(weight + PackedNames.QuantMap);
        FourBitTensor data = state.NestedBlockSize is { } nestedBlock
            ? new(state.Type, state.BlockSize, state.Count, codes, Nested(weight, state.NestedOffset, nestedBlock), map)
            : new(state.Type, state.BlockSize, state.Count, codes, Read<float>(weight + PackedNames.Absmax), map);
        QuantizationConfig own = config with { Type = state.Type, BlockSize = state.BlockSize, DoubleQuant = data.Nested is not null };
        return new FourBitWeight(data, shape[0], shape[1], Original(state), own);
    }

    /// <summary>The settings as the tensors have them: config.json does not say the block size.</summary>
    public QuantizationConfig Describe()
    {
        string? name = checkpoint.Names.FirstOrDefault(name => name.Contains(PackedNames.State, StringComparison.Ordinal));
        return name is null || config.LoadIn8bit ? config : config with { BlockSize = Parse(name).BlockSize };
    }

    private static ScalarType Original(QuantState state) => state.ElementType switch
    {
        ElementType.Float16 => ScalarType.Float16,
        ElementType.BFloat16 => ScalarType.BFloat16,
        _ => ScalarType.Float32,
    };

    private DoubleQuantization Nested(string weight, float offset, int block) =>
        new(Read<byte>(weight + PackedNames.Absmax), Read<float>(weight + PackedNames.NestedAbsmax), Read<float>(weight + PackedNames.NestedQuantMap), offset, block);

    private QuantState CheckFourBit(string weight, long[] shape)
    {
        QuantState state = Parse(State(weight)!);
        if (!state.Shape.SequenceEqual(shape))
        {
            throw new InvalidDataException($"{weight} holds [{string.Join(", ", state.Shape)}] in 4 bits but the configuration asks for [{string.Join(", ", shape)}]");
        }

        long blocks = (state.Count + state.BlockSize - 1) / state.BlockSize;
        Require(weight, null, (state.Count + 1) / 2);
        Require(weight + PackedNames.QuantMap, "F32", 16 * sizeof(float));
        if (state.NestedBlockSize is { } nested)
        {
            Require(weight + PackedNames.Absmax, "U8", blocks);
            Require(weight + PackedNames.NestedAbsmax, "F32", (blocks + nested - 1) / nested * sizeof(float));
            Require(weight + PackedNames.NestedQuantMap, "F32", 256 * sizeof(float));
        }
        else
        {
            Require(weight + PackedNames.Absmax, "F32", blocks * sizeof(float));
        }

        return state;
    }

    private void CheckInt8(string weight, long[] shape)
    {
        if (!checkpoint.Entry(weight).Shape.SequenceEqual(shape) || shape[1] > Int8Matrix.MaxColumns)
        {
            throw new InvalidDataException(
                $"{weight} is [{string.Join(", ", checkpoint.Entry(weight).Shape)}] but the configuration asks for [{string.Join(", ", shape)}], of at most {Int8Matrix.MaxColumns} columns");
        }

        Require(weight, "I8", shape[0] * shape[1]);
        Require(PackedNames.Int8Scales(weight), "F32", shape[0] * sizeof(float));
        string format = PackedNames.Int8Format(weight);
        if (checkpoint.Contains(format) && checkpoint.Bytes(format) is not [0])
        {
            throw new InvalidDataException($"{format} is not 0: the codes lie in another order than row by row; save the model anew with a current version of bitsandbytes");
        }
    }

    private string? State(string weight) => FourBitTypes.Select(type => weight + PackedNames.State + type).FirstOrDefault(checkpoint.Contains);

    private QuantState Parse(string name)
    {
        try
        {
            QuantState state = QuantState.Parse(checkpoint.Bytes(name));
            return name.EndsWith(PackedNames.State + state.TypeName, StringComparison.Ordinal)
                ? state
                : throw new InvalidDataException($"quant_type is '{state.TypeName}'");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{name}: {e.Message.TrimEnd('.')}", e);
        }
    }

    private void Require(string name, string? dtype, long bytes)
    {
        if (!checkpoint.Contains(name))
        {
            throw new InvalidDataException($"{name} is missing");
        }

        string actual = checkpoint.Entry(name).Dtype;
        int length = checkpoint.Bytes(name).Length;
        if (length != bytes || (dtype ?? actual) != actual)
        {
            throw new InvalidDataException($"{name} has {length} bytes of {actual} where {bytes} of {dtype ?? "any type"} belong");
        }
    }

    private T[] Read<T>(string name)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = checkpoint.Bytes(name);
        T[] values = GC.AllocateUninitializedArray<T>(bytes.Length / Unsafe.SizeOf<T>(), pinned: true);
        bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
