using System.Text;
using System.Text.Json;

namespace LoraSharp.Quantization;

/// <summary>
/// What bitsandbytes stores as JSON beside a packed weight (the tensor <c>weight.quant_state.bitsandbytes__nf4</c>): everything that the other tensors
/// do not say themselves.
/// </summary>
public sealed record QuantState
{
    private const int MaxLength = 65536;

    /// <summary>NF4 or FP4.</summary>
    public required FourBitType Type { get; init; }

    /// <summary>Elements that share one scale; a power of two from 32 to 4096.</summary>
    public required int BlockSize { get; init; }

    /// <summary>The weight's own type before it was quantised.</summary>
    public required ElementType ElementType { get; init; }

    /// <summary>The weight's shape; of a linear layer [out features, in features].</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>Scales that share one nested scale, or null without double quantisation; bitsandbytes writes 256.</summary>
    public int? NestedBlockSize { get; init; }

    /// <summary>The mean that was subtracted from the scales; 0 without double quantisation.</summary>
    public float NestedOffset { get; init; }

    /// <summary>The name of the type in files: nf4 or fp4.</summary>
    public string TypeName => FourBitCodebook.Of(Type).Name;

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (count, size) => checked(count * size));

    /// <summary>The state of a tensor.</summary>
    /// <param name="tensor">The quantised tensor.</param>
    /// <param name="elementType">The weight's type before it was quantised.</param>
    /// <param name="shape">The weight's shape; its product must be the tensor's count.</param>
    /// <returns>The state to store beside the tensor.</returns>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static QuantState Of(FourBitTensor tensor, ElementType elementType, params IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var state = new QuantState
        {
            Type = tensor.Type,
            BlockSize = tensor.BlockSize,
            ElementType = elementType,
            Shape = [.. shape],
            NestedBlockSize = tensor.Nested?.BlockSize,
            NestedOffset = tensor.Nested?.Offset ?? 0,
        };
        FourBitLayout.RequireLength(tensor.Count, state.Count, $"The tensor of shape [{string.Join(", ", shape)}]");
        return state;
    }

    /// <summary>Reads the JSON text that bitsandbytes writes. Keys that it does not know are ignored.</summary>
    /// <param name="utf8Json">The text as UTF-8.</param>
    /// <returns>The validated state.</returns>
    /// <exception cref="InvalidDataException">Not such a text; the message names the key and its value.</exception>
    public static QuantState Parse(ReadOnlySpan<byte> utf8Json)
    {
        if (utf8Json.Length > MaxLength)
        {
            throw new InvalidDataException($"The quant_state has {utf8Json.Length} bytes; a genuine one has a few hundred.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8Json.ToArray());
            return QuantStateJson.Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Strings that are no valid text end in the second.
            throw new InvalidDataException($"The quant_state is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Writes the JSON text exactly as bitsandbytes does: same keys, order, separators and number format.</summary>
    /// <returns>The text; store it as UTF-8.</returns>
    /// <exception cref="InvalidOperationException">The nested offset is not finite (the weight held NaN or infinity), which JSON cannot say.</exception>
    public string ToJson()
    {
        var text = new StringBuilder();
        text.Append($"{{\"quant_type\": \"{TypeName}\", \"blocksize\": {BlockSize}, \"dtype\": \"{QuantStateJson.TypeName(ElementType)}\", \"shape\": [{string.Join(", ", Shape)}]");
        if (NestedBlockSize is int nested)
        {
            if (!float.IsFinite(NestedOffset))
            {
                throw new InvalidOperationException($"The nested offset is {NestedOffset}: the weight held NaN or infinity and cannot be stored double-quantised.");
            }

            text.Append($", \"nested_blocksize\": {nested}, \"nested_dtype\": \"float32\", \"nested_offset\": {PythonNumber.Format(NestedOffset)}");
        }

        return text.Append('}').ToString();
    }

    /// <summary>Writes the JSON text as UTF-8 bytes.</summary>
    /// <returns>The bytes of the tensor <c>weight.quant_state.bitsandbytes__nf4</c> (or <c>__fp4</c>).</returns>
    public byte[] ToUtf8() => Encoding.UTF8.GetBytes(ToJson());
}
