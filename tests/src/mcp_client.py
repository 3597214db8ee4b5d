"""Calls tools with the official client, a line of JSON in for each and a line out.

The first line says where the server is; the answer to it, which revision is spoken and which tools
there are. The client itself checks every result against the schema the tool announced.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation


def say(value):
    print(json.dumps(value), flush=True)


async def serve(client):
    tools = await client.list_tools()
    say({"revision": client.protocol_version, "tools": [tool.name for tool in tools.tools]})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        call = json.loads(line)
        try:
            result = await client.call_tool(call["tool"], call["arguments"])
            text = "".join(part.text for part in result.content)
            say({"error": bool(result.is_error), "value": result.structured_content, "text": text})
        except Exception as error:  # The other side of the pipe judges it.
            say({"error": True, "value": None, "text": f"{type(error).__name__}: {error}"})


async def main():
    where = json.loads(sys.stdin.readline())
    who = Implementation(name="conclave-tests", version="1.0")
    usual = {"mode": where["mode"], "client_info": who, "read_timeout_seconds": 90}
    if "url" in where:
        headers = {"Authorization": f"Bearer {where['token']}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=90) as http:
            transport = streamable_http_client(where["url"], http_client=http)
            async with Client(transport, **usual) as client:
                await serve(client)
    else:
        # What `conclave token create --mcp` prints.
        server = StdioServerParameters(**where["server"])
        async with Client(server, **usual) as client:
            await serve(client)


asyncio.run(main())
