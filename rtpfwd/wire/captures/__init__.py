"""Capture files: pcapng, classic pcap, rtpdump, text2pcap text and Janus's mjr, as bytes in and values out.

``reader.CaptureReader`` reads any of them from chunks and gives UDP payloads with their addresses;
``pcapng_writer.PcapngWriter`` makes the bytes of the format that can say most. Nothing here opens a file.
"""
