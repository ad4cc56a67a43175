using System.Buffers.Binary;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>Reads the fields of a protobuf message, one after another, without ever going beyond its end.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message, string file, int offset = 0)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _at;

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; }

    private int WireType { get; set; }

    /// <summary>Goes to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (_at >= _message.Length)
        {
            return false;
        }

        ulong tag = Varint();
        Field = (int)(tag >> 3);
        WireType = (int)(tag & 7);
        return tag >> 3 is > 0 and < 1 << 29 ? true : throw Fail($"the field number {tag >> 3} is not possible");
    }

    public ulong ReadVarint()
    {
        Require(0);
        return Varint();
    }

    public bool ReadBool() => ReadVarint() != 0;

    /// <summary>An int32 field (negative numbers are written as 64 bits).</summary>
    public int ReadInt() => unchecked((int)ReadVarint());

    public float ReadFloat()
    {
        Require(5);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    public string ReadString()
    {
        ReadOnlySpan<byte> bytes = ReadBytes();
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Fail("a string is not valid UTF-8");
    }

    public ReadOnlySpan<byte> ReadBytes()
    {
        Require(2);
        return Take(Varint());
    }

    /// <summary>A nested message.</summary>
    public ProtobufReader ReadMessage()
    {
        ReadOnlySpan<byte> bytes = ReadBytes();
        return new ProtobufReader(bytes, file, offset + _at - bytes.Length);
    }

    public void Skip()
    {
        switch (WireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                Take(Varint());
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Fail($"the wire type {WireType} is not possible here");
        }
    }

    public readonly TokenizerFormatException Fail(string problem) =>
        new(
            file,
            $"byte {offset + _at}",
            $"this is not a SentencePiece model: {problem}",
            "Take the file from its source again (it may be cut off, or be another kind of file)");

    private readonly void Require(int wireType)
    {
        if (WireType != wireType)
        {
            throw Fail($"field {Field} has wire type {WireType} instead of {wireType}");
        }
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (_at >= _message.Length)
            {
                throw Fail("it ends within a number");
            }

            byte b = _message[_at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw Fail("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_message.Length - _at))
        {
            throw Fail($"a field claims {count} bytes, but {_message.Length - _at} are left");
        }

        ReadOnlySpan<byte> taken = _message.Slice(_at, (int)count);
        _at += (int)count;
        return taken;
    }
}
